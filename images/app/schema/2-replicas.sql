-- A replica that shows a row was told it on that timeline, so it is not stuck on an older one.
CREATE TABLE timelines (
    timeline integer PRIMARY KEY,
    seen_at  timestamptz NOT NULL DEFAULT now()
);

-- What a user says about themselves: each version replaces the one before.
CREATE TABLE profiles (
    user_id    bigint PRIMARY KEY REFERENCES users,
    version    bigint NOT NULL CHECK (version > 0),
    about      text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
