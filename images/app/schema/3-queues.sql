-- What happened and must be told. A row is written in the transaction of what it tells of, so that
-- neither exists without the other; it is marked when the queue has taken it.
CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id      bigint NOT NULL,
    order_key     text NOT NULL,
    user_id       bigint NOT NULL,
    total_cents   bigint NOT NULL,
    traceparent   text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- Another task passes it on after this, should the one that claimed it be dead.
    claimed_until timestamptz,
    sent_at       timestamptz
) WITH (fillfactor = 70);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;

-- Mails. The key is not unique here: without the claim below a repeated message has a second
-- effect, and the audit must be able to see that. A row without sent_at is an intent.
CREATE TABLE mails (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_key     text COLLATE "C" NOT NULL,
    user_id       bigint NOT NULL,
    total_cents   bigint NOT NULL,
    -- Who is sending it, and until when nobody else may.
    sender        bigint,
    sending_until timestamptz,
    sent_at       timestamptz,
    -- The mail service's number.
    message_id    text,
    created_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX mails_key ON mails (order_key);

-- One row for each order whose mail was taken on: who comes second finds it.
CREATE TABLE mail_claims (
    order_key  text COLLATE "C" PRIMARY KEY,
    repeats    integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
