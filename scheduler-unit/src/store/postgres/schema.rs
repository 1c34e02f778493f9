//! Tables and statements. `docs/storage.md` shows what is in them.

use tokio_postgres::{Client, Error};

/// Makes the tables if there are none. What many make at once, one makes.
pub(super) async fn make(client: &Client) -> Result<(), Error> {
    client.batch_execute(TABLES).await
}

/// Whether the server loses what it has committed when its machine crashes.
pub(super) async fn is_unsafe(client: &Client) -> Result<bool, Error> {
    let rows = client.query_typed("SELECT current_setting('fsync') = 'off'", &[]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// In one transaction, under a lock, for `IF NOT EXISTS` alone fails where two do so at once.
const TABLES: &str = "
BEGIN;
SELECT pg_advisory_xact_lock(x'616e7469'::int, 1);
DO $$ BEGIN IF to_regclass('antiphon_writers') IS NULL THEN
    CREATE TABLE antiphon_segments (
        log text NOT NULL,
        number bigint NOT NULL,
        segment bytea NOT NULL,
        PRIMARY KEY (log, number)
    );
    ALTER TABLE antiphon_segments ALTER COLUMN segment SET STORAGE EXTERNAL;
    CREATE TABLE antiphon_modules (module bytea PRIMARY KEY, wasm bytea NOT NULL);
    CREATE TABLE antiphon_writers (
        log text PRIMARY KEY,
        epoch bigint NOT NULL,
        holder text NOT NULL
    );
END IF; END $$;
COMMIT";

/// Takes a log over: epoch and holder. Waits for an append that is being decided.
pub(super) const TAKE: &str = "
INSERT INTO antiphon_writers (log, epoch, holder) VALUES ($1, 1, gen_random_uuid()::text)
ON CONFLICT (log) DO UPDATE SET epoch = antiphon_writers.epoch + 1, holder = EXCLUDED.holder
RETURNING epoch, holder";

/// Raises the epoch of a log that its holder still has, so that an append of an older one that is on
/// its way comes too late.
pub(super) const KEEP: &str = "
UPDATE antiphon_writers SET epoch = epoch + 1 WHERE log = $1 AND holder = $2 RETURNING epoch";

/// How many segments a log has.
pub(super) const COUNT: &str =
    "SELECT coalesce(max(number) + 1, 0) FROM antiphon_segments WHERE log = $1";

/// Adds a segment if the epoch is still this one, which is locked meanwhile, and if the one before
/// it is there.
pub(super) const APPEND: &str = "
INSERT INTO antiphon_segments (log, number, segment)
SELECT $1, $2, $3
FROM (SELECT epoch FROM antiphon_writers WHERE log = $1 FOR UPDATE) AS writer
WHERE writer.epoch = $4 AND (
    $2 = 0 OR EXISTS (SELECT FROM antiphon_segments WHERE log = $1 AND number = $2 - 1)
)";

/// Whether a holder still has a log.
pub(super) const HELD: &str =
    "SELECT EXISTS (SELECT FROM antiphon_writers WHERE log = $1 AND holder = $2)";

/// Consecutive segments from one number to another, the first one and more while they have no more
/// than so many bytes together.
pub(super) const RANGE: &str = "
SELECT number, segment FROM (
    SELECT number, segment, sum(octet_length(segment)) OVER (ORDER BY number) AS bytes
    FROM (
        SELECT number, segment FROM antiphon_segments
        WHERE log = $1 AND number >= $2 AND number < $3 ORDER BY number LIMIT 4096
    ) AS ahead
) AS counted
WHERE number = $2 OR bytes <= $4 ORDER BY number";

/// The modules there are.
pub(super) const MODULES: &str = "SELECT module FROM antiphon_modules";

/// Adds a module.
pub(super) const PUT: &str =
    "INSERT INTO antiphon_modules (module, wasm) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// A module's binary.
pub(super) const GET: &str = "SELECT wasm FROM antiphon_modules WHERE module = $1";
