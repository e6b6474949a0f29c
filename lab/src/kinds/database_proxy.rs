//! `database-proxy`: application, pgbouncer, HAProxy on loopback, primary.
//!
//! pgbouncer stands in front, so that clients keep their connections and wait while the primary
//! moves. HAProxy behind it is what follows the primary: it asks the Patroni of every member who that
//! is, and cuts the connections to one that is not, or does not answer, any more.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::address::{self, Order, addresses};
use super::{Context, DATABASE, POSTGRES_PORT, blank, scram};
use crate::plan::layout::Place;
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::plan::ports::PATRONI_PORT;
use crate::spec::model::DatabaseProxy;
use crate::spec::slots::Duty;

/// Port on which clients connect.
pub const PROXY_PORT: u16 = 6432;
/// Port on which HAProxy says whether there is a primary.
const HEALTH_PORT: u16 = 8405;

/// A proxy.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &DatabaseProxy,
) -> NodeSpec {
    let mut node = blank(context, place, "database-proxy", "dbproxy");
    let members = addresses(
        (context.stage, places),
        place,
        &kind.database,
        Duty::Member,
        POSTGRES_PORT,
        Order::AsDeclared,
    );
    let users = format!("\"{DATABASE}\" \"{}\"\n", scram::secret(context.secret, DATABASE));
    node.command = vec!["lab-dbproxy".into()];
    node.files = [
        (
            "/etc/lab/haproxy.cfg",
            haproxy_cfg(&members, &address::own(places, &kind.database, Duty::Member)),
        ),
        ("/etc/lab/pgbouncer.ini", pgbouncer_ini(kind)),
        ("/etc/lab/users.txt", users),
    ]
    .map(|(path, content)| ConfigFile { path: path.into(), content })
    .into();
    node.probe = probe();
    node.priority = 3;
    node
}

/// HAProxy knows a primary, and pgbouncer accepts connections.
pub(super) fn probe() -> Probe {
    Probe::Http { port: HEALTH_PORT, path: "/ready".into() }
}

/// A member is asked four times a second; two answers in a row that it is not the primary, or none,
/// end every session to it. They are asked directly, also where connections to them go through a
/// network proxy. The first answer of a new one makes it the target.
fn haproxy_cfg(members: &[SocketAddrV4], patroni: &[Ipv4Addr]) -> String {
    let servers: String = members
        .iter()
        .zip(patroni)
        .enumerate()
        .map(|(n, (at, patroni))| {
            format!("    server member-{n} {at} check addr {patroni} port {PATRONI_PORT}\n")
        })
        .collect();
    format!(
        "global
    log stderr format raw local0 warning
    maxconn 4096
    hard-stop-after 1s
defaults
    mode tcp
    log global
    option dontlog-normal
    retries 2
    timeout connect 200ms
    timeout check 500ms
    timeout client 30m
    timeout server 30m
listen primary
    bind 127.0.0.1:{POSTGRES_PORT}
    option httpchk GET /primary
    http-check expect status 200
    option clitcpka
    option srvtcpka
    default-server inter 250ms fastinter 100ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}backend pgbouncer
    server pgbouncer 127.0.0.1:{PROXY_PORT} check inter 500ms rise 1 fall 2
frontend health
    mode http
    timeout client 2s
    bind 0.0.0.0:{HEALTH_PORT}
    monitor-uri /ready
    monitor fail if {{ nbsrv(primary) lt 1 }}
    monitor fail if {{ nbsrv(pgbouncer) lt 1 }}
"
    )
}

/// Transaction pooling. A login that fails is tried again after 0.2 s instead of 15 s, or every
/// fail-over would cost that long. A client that sends settings which the pool cannot keep for it is
/// let in without them.
fn pgbouncer_ini(kind: &DatabaseProxy) -> String {
    format!(
        "[databases]
{DATABASE} = host=127.0.0.1 port={POSTGRES_PORT} dbname={DATABASE}

[pgbouncer]
listen_addr = 0.0.0.0
listen_port = {PROXY_PORT}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = /etc/lab/users.txt
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = {clients}
max_prepared_statements = {statements}
query_wait_timeout = {borrow}
server_login_retry = 0.2
server_connect_timeout = 2
server_check_delay = 0
server_idle_timeout = 60
tcp_keepalive = 1
tcp_user_timeout = 5000
ignore_startup_parameters = extra_float_digits,statement_timeout,lock_timeout
log_connections = 0
log_disconnections = 0
stats_period = 600
",
        pool = kind.pool_size,
        clients = kind.max_clients,
        statements = kind.max_prepared_statements,
        borrow = kind.borrow_timeout_ms as f64 / 1000.0,
    )
}
