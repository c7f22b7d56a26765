-- What a night's core features are, computed plainly from the playbacks of the whole window, which $files holds.
-- Simpler than the product where that is faster: no resumes, ghosts, travel, local hours, or streaks of the year.
CREATE OR REPLACE TEMP TABLE p AS
SELECT account, device, title, network, country, started_at, ended_at, day,
       epoch(ended_at) - epoch(started_at) AS seconds,
       epoch(ended_at) - epoch(started_at) >= 0.7 * title_runtime_s AS is_view
FROM read_parquet($files);

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
device_days AS (SELECT account, device, day FROM p GROUP BY ALL),
devices AS (
    SELECT account, count(DISTINCT device) AS devices, count(*) / count(DISTINCT day) AS devices_per_active_day
    FROM device_days GROUP BY account
),
networks AS (SELECT account, network, count(*) AS plays FROM p GROUP BY account, network),
places AS (
    SELECT account, count(*) AS networks, 1 - max(plays) / sum(plays) AS outside_main_network_share
    FROM networks GROUP BY account
),
scalars AS (
    SELECT account, count(DISTINCT country) AS countries, sum(seconds) / 3600 / count(DISTINCT day) AS hours_per_day,
           count(DISTINCT hour(started_at)) AS active_hours
    FROM p GROUP BY account
)
SELECT * FROM scalars
LEFT JOIN streaks USING (account) LEFT JOIN by_title USING (account) LEFT JOIN repeats USING (account)
LEFT JOIN concurrency USING (account) LEFT JOIN devices USING (account) LEFT JOIN places USING (account);
