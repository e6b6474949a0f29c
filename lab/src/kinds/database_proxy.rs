//! `database-proxy`: application, pgbouncer, HAProxy on loopback, primary.
//!
//! pgbouncer stands in front, so that clients keep their connections and wait while the primary
//! moves. HAProxy behind it is what follows the primary: it asks the Patroni of every member who that
//! is, and cuts the connections to one that is not, or does not answer, any more.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::address::{self, Order, addresses};
use super::{Context, DATABASE, POSTGRES_PORT, blank, database_names, scram};
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
    let (user, name) = database_names(context.stage, &kind.database);
    let users = format!("\"{user}\" \"{}\"\n", scram::secret(context.secret, DATABASE));
    node.command = vec!["lab-dbproxy".into()];
    node.files = [
        (
            "/etc/lab/haproxy.cfg",
            haproxy_cfg(&members, &address::own(places, &kind.database, Duty::Member)),
        ),
        ("/etc/lab/pgbouncer.ini", pgbouncer_ini(kind, name)),
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
/// fail-over would cost that long. A client that sends a setting which the pool cannot keep for it is
/// refused, with the setting's name, unless the stage says that it may be ignored.
fn pgbouncer_ini(kind: &DatabaseProxy, name: &str) -> String {
    format!(
        "[databases]
{name} = host=127.0.0.1 port={POSTGRES_PORT} dbname={name}{init}

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
ignore_startup_parameters = {ignored}
log_connections = 0
log_disconnections = 0
stats_period = 600
",
        init = kind.init_query.as_deref().map(init).unwrap_or_default(),
        ignored = kind.ignored_parameters.join(","),
        pool = kind.pool_size,
        clients = kind.max_clients,
        statements = kind.max_prepared_statements,
        borrow = kind.borrow_timeout_ms as f64 / 1000.0,
    )
}

/// In pgbouncer's file a quote within quotes is written twice.
fn init(query: &str) -> String {
    format!(" connect_query='{}'", query.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ini(fields: &str) -> String {
        let text = format!("{{\"database\": \"db\"{fields}}}");
        pgbouncer_ini(&serde_json::from_str(&text).unwrap(), DATABASE)
    }

    #[test]
    fn a_setting_is_ignored_only_where_the_stage_says_so() {
        let line = |fields: &str| {
            let ini = ini(fields);
            ini.lines().find(|l| l.starts_with("ignore_")).unwrap().to_owned()
        };
        assert_eq!(line(""), "ignore_startup_parameters = extra_float_digits");
        let named = r#", "ignored_parameters": ["search_path", "statement_timeout"]"#;
        assert_eq!(line(named), "ignore_startup_parameters = search_path,statement_timeout");
        assert_eq!(line(r#", "ignored_parameters": []"#), "ignore_startup_parameters = ");
    }

    #[test]
    fn what_every_client_gets_is_asked_of_each_connection() {
        let ini = ini(r#", "init_query": "SET statement_timeout = '5s'""#);
        let wanted = " dbname=shop connect_query='SET statement_timeout = ''5s'''\n";
        assert!(ini.contains(wanted), "{ini}");
    }
    /// What pgbouncer answers to a client that sends these parameters: the message of an error, or
    /// nothing when it goes on to ask for the password.
    fn answer(port: u16, parameters: &[(&str, &str)]) -> Option<String> {
        use std::io::{Read, Write};
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        for (name, value) in [("user", DATABASE), ("database", DATABASE)].iter().chain(parameters) {
            body.extend(format!("{name}\0{value}\0").as_bytes());
        }
        body.push(0);
        let length = i32::try_from(body.len() + 4).unwrap().to_be_bytes();
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(&[&length[..], &body].concat()).unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let size = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) - 4;
        let mut rest = vec![0; size as usize];
        stream.read_exact(&mut rest).unwrap();
        (head[0] == b'E').then(|| String::from_utf8_lossy(&rest).into_owned())
    }

    /// A real one: `TEST-BINARY kinds::database_proxy --ignored` in the image `dbproxy`.
    #[test]
    #[ignore = "needs pgbouncer"]
    fn what_cannot_be_kept_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let text = ini(r#", "ignored_parameters": ["extra_float_digits", "lock_timeout"]"#)
            .replace("/etc/lab/users.txt", &file("users.txt"))
            .replace("listen_port = 6432", &format!("listen_port = {port}"));
        let secret = scram::secret("test", DATABASE);
        std::fs::write(file("users.txt"), format!("\"{DATABASE}\" \"{secret}\"\n")).unwrap();
        std::fs::write(file("pgbouncer.ini"), text).unwrap();
        let mut pgbouncer =
            std::process::Command::new("pgbouncer").arg(file("pgbouncer.ini")).spawn().unwrap();
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(std::time::Instant::now() < limit, "pgbouncer does not listen");
        }
        let taken = [
            ("application_name", "test"),
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO"),
            ("IntervalStyle", "iso_8601"),
            ("extra_float_digits", "2"),
            ("lock_timeout", "1s"),
            ("options", "-c TimeZone=UTC -c lock_timeout=1s"),
        ];
        let refused = [
            (("search_path", "shop"), "search_path"),
            (("statement_timeout", "5s"), "statement_timeout"),
            (("options", "-c search_path=shop"), "search_path"),
            (("options", "--statement_timeout=5s"), "statement_timeout"),
        ];
        let said = taken.map(|parameter| answer(port, &[parameter]));
        let named = refused.map(|(parameter, name)| (answer(port, &[parameter]), name));
        pgbouncer.kill().unwrap();
        pgbouncer.wait().unwrap();
        assert_eq!(said, [const { None }; 7], "{taken:?}");
        for (said, name) in named {
            let said = said.expect(name);
            assert!(
                said.contains("unsupported startup parameter") && said.contains(name),
                "{said}"
            );
        }
    }
}
