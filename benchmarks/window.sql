-- What a night's core features are, computed plainly from the playbacks of the whole window, which $files holds.
-- The same questions as the product's, each in SQL's usual way. Simpler where that is faster: no resumes, no ghosts but
-- those that a later start on the device ends, no rules for what is too little to say, no streaks of the year.
CREATE OR REPLACE TEMP TABLE p AS
WITH cut AS (
    SELECT * REPLACE (least(ended_at, lead(started_at) OVER (PARTITION BY account, device ORDER BY started_at)) AS ended_at)
    FROM read_parquet($files)
)
SELECT account, profile, device, title, network, country, latitude, longitude, started_at, ended_at, day,
       started_at + to_seconds(utc_offset_s) AS local_start, ended_at + to_seconds(utc_offset_s) AS local_end,
       epoch(ended_at) - epoch(started_at) AS seconds,
       epoch(ended_at) - epoch(started_at) >= 0.7 * title_runtime_s AS is_view
FROM cut;

CREATE OR REPLACE TEMP TABLE features AS
WITH
title_days AS (SELECT account, title, day FROM p WHERE is_view GROUP BY ALL),
islands AS (
    SELECT account, title, day - CAST(row_number() OVER (PARTITION BY account, title ORDER BY day) AS INTEGER) AS island
    FROM title_days
),
runs AS (SELECT account, count(*) AS days FROM islands GROUP BY account, title, island),
streaks AS (SELECT account, max(days) AS longest_streak FROM runs GROUP BY account),
titles AS (SELECT account, title, count(*) AS plays, count(*) FILTER (is_view) AS views FROM p GROUP BY account, title),
by_title AS (
    SELECT account, max(plays) / sum(plays) AS top_title_share,
           sum(views) / nullif(count(*) FILTER (views > 0), 0) AS views_per_title
    FROM titles GROUP BY account
),
again AS (
    SELECT account, epoch(started_at) - epoch(lag(ended_at) OVER w) AS gap_s, lag(is_view) OVER w AS viewed
    FROM p WINDOW w AS (PARTITION BY account, device, title ORDER BY started_at)
),
repeats AS (SELECT account, count(*) FILTER (viewed AND gap_s BETWEEN 0 AND 1800) AS repeats FROM again GROUP BY account),
events AS (
    SELECT account, started_at AS moment, 1 AS change FROM p UNION ALL SELECT account, ended_at, -1 FROM p
),
running AS (
    SELECT account, moment, sum(change) OVER w AS streams, lead(moment) OVER w AS ends
    FROM events WINDOW w AS (PARTITION BY account ORDER BY moment, change)
),
concurrency AS (
    SELECT account, max(streams) AS peak_streams,
           sum(epoch(ends) - epoch(moment)) FILTER (streams >= 2) / 3600 AS two_streams_h,
           sum(epoch(ends) - epoch(moment)) FILTER (streams >= 3) / 3600 AS three_streams_h
    FROM running GROUP BY account
),
-- Two streams on one network, or of one profile on one device, are one: their times are united before they are swept.
network_reach AS (
    SELECT account, network, started_at, ended_at,
           max(ended_at) OVER (
               PARTITION BY account, network ORDER BY started_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS reached
    FROM p
),
network_islands AS (
    SELECT account, network, started_at, ended_at,
           count(*) FILTER (reached IS NULL OR started_at > reached)
               OVER (PARTITION BY account, network ORDER BY started_at) AS island
    FROM network_reach
),
network_times AS (
    SELECT account, min(started_at) AS begins, max(ended_at) AS ends
    FROM network_islands GROUP BY account, network, island
),
network_events AS (
    SELECT account, begins AS moment, 1 AS change FROM network_times
    UNION ALL SELECT account, ends, -1 FROM network_times
),
network_running AS (
    SELECT account, moment, sum(change) OVER w AS streams, lead(moment) OVER w AS ends
    FROM network_events WINDOW w AS (PARTITION BY account ORDER BY moment, change)
),
across_networks AS (
    SELECT account, sum(epoch(ends) - epoch(moment)) FILTER (streams >= 2) / 3600 AS two_networks_h
    FROM network_running GROUP BY account
),
device_reach AS (
    SELECT account, profile, device, started_at, ended_at,
           max(ended_at) OVER (
               PARTITION BY account, profile, device ORDER BY started_at
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS reached
    FROM p
),
device_islands AS (
    SELECT account, profile, device, started_at, ended_at,
           count(*) FILTER (reached IS NULL OR started_at > reached)
               OVER (PARTITION BY account, profile, device ORDER BY started_at) AS island
    FROM device_reach
),
device_times AS (
    SELECT account, profile, min(started_at) AS begins, max(ended_at) AS ends
    FROM device_islands GROUP BY account, profile, device, island
),
device_events AS (
    SELECT account, profile, begins AS moment, 1 AS change FROM device_times
    UNION ALL SELECT account, profile, ends, -1 FROM device_times
),
device_running AS (
    SELECT account, moment, sum(change) OVER w AS streams, lead(moment) OVER w AS ends
    FROM device_events WINDOW w AS (PARTITION BY account, profile ORDER BY moment, change)
),
same_profile AS (
    SELECT account, sum(epoch(ends) - epoch(moment)) FILTER (streams >= 2) / 3600 AS same_profile_h
    FROM device_running GROUP BY account
),
device_days AS (SELECT account, device, day FROM p GROUP BY ALL),
devices AS (
    SELECT account, count(DISTINCT device) AS devices, count(*) / count(DISTINCT day) AS devices_per_active_day
    FROM device_days GROUP BY account
),
first_seen AS (
    SELECT account, min(day) AS seen, min(min(day)) OVER (PARTITION BY account) AS began FROM device_days
    GROUP BY account, device
),
joined AS (
    SELECT account, count(*) FILTER (seen >= began + 7) / 4 AS new_devices_per_week FROM first_seen GROUP BY account
),
networks AS (SELECT account, network, count(*) AS plays FROM p GROUP BY account, network),
places AS (
    SELECT account, count(*) AS networks, 1 - max(plays) / sum(plays) AS outside_main_network_share
    FROM networks GROUP BY account
),
steps AS (
    SELECT account, radians(latitude) AS lat, radians(lag(latitude) OVER w) AS lat_before,
           radians(longitude - lag(longitude) OVER w) AS lon_moved,
           epoch(started_at) - epoch(lag(started_at) OVER w) AS seconds
    FROM p WINDOW w AS (PARTITION BY account ORDER BY started_at)
),
ways AS (
    SELECT account, seconds,
           12742 * asin(sqrt(least(1, pow(sin((lat - lat_before) / 2), 2)
               + cos(lat) * cos(lat_before) * pow(sin(lon_moved / 2), 2)))) AS km
    FROM steps WHERE lat_before IS NOT NULL
),
travel AS (
    SELECT account, max(CASE WHEN km >= 100 THEN km / greatest(seconds, 900) * 3600 ELSE 0 END) AS fastest_travel_kmh
    FROM ways GROUP BY account
),
played AS (
    SELECT account, unnest(range(
        date_trunc('hour', local_start), greatest(local_end, local_start + INTERVAL 1 SECOND), INTERVAL 1 HOUR
    )) AS moment
    FROM p
),
played_hours AS (SELECT DISTINCT account, CAST(moment AS DATE) AS day, hour(moment) AS hour FROM played),
pauses AS (
    SELECT account, day, hour, hour - coalesce(lag(hour) OVER w, -1) - 1 AS before
    FROM played_hours WINDOW w AS (PARTITION BY account, day ORDER BY hour)
),
rests AS (
    SELECT account, day, count(*) AS hours, greatest(max(before), 23 - max(hour) + min(hour)) AS rest_h
    FROM pauses GROUP BY account, day
),
rhythm AS (
    SELECT account, avg(hours) AS active_hours, avg(24 - rest_h) AS daily_span_h FROM rests GROUP BY account
),
scalars AS (
    SELECT account, count(DISTINCT country) AS countries, sum(seconds) / 3600 / count(DISTINCT day) AS hours_per_day
    FROM p GROUP BY account
)
SELECT * FROM scalars
LEFT JOIN streaks USING (account) LEFT JOIN by_title USING (account) LEFT JOIN repeats USING (account)
LEFT JOIN concurrency USING (account) LEFT JOIN across_networks USING (account)
LEFT JOIN same_profile USING (account) LEFT JOIN devices USING (account) LEFT JOIN joined USING (account)
LEFT JOIN places USING (account) LEFT JOIN travel USING (account) LEFT JOIN rhythm USING (account);
