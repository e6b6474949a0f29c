-- What was heard of: one row for each sort of event of an order, however often it was delivered.
CREATE TABLE domain_events (
    kind       text COLLATE "C" NOT NULL,
    order_key  text COLLATE "C" NOT NULL,
    repeats    integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, order_key)
) WITH (fillfactor = 80);
