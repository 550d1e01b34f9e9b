-- The catalog, version 3: more of what images look like.
-- The same as for SQLite, but for types.
--
-- All four are NULL in rows of version 2; whoever asks for such a row has it made anew.
ALTER TABLE appearance ADD COLUMN thumbhash BYTEA;
ALTER TABLE appearance ADD COLUMN palette   TEXT;    -- rrggbb:percent, the most common first, by space
ALTER TABLE appearance ADD COLUMN phash     TEXT;    -- 16 hex digits
ALTER TABLE appearance ADD COLUMN sharpness BIGINT; -- 0 to 1040400
