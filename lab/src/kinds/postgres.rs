//! `postgres`: one server, or a cluster under Patroni.
