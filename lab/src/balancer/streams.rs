//! What nginx is told of connections that stay: WebSocket and server-sent events, and of answers that it
//! cannot pass on. The same in load balancers, gateways and edge caches.

/// Longest silence on a connection that stays: the documented default of a managed load balancer.
pub const IDLE: &str = "60s";

/// Within `http`. `connection` is what a request that is none of these says to the next one: nothing
/// where connections are kept, `close` where they are not.
///
/// Only WebSocket is an upgrade: a client that offers HTTP/2 in this way is served what it asked for.
/// Who takes `text/event-stream` waits for what has not happened yet. Of an answer of which something
/// was received, the target is not to be missed.
pub fn maps(connection: &str) -> String {
    MAPS.replace("CONNECTION", &format!("\"{connection}\""))
}

const MAPS: &str = r#"    map $http_upgrade $lab_upgrade {
        default "";
        "~*^websocket$" websocket;
    }
    map $lab_upgrade $lab_connection {
        default upgrade;
        "" CONNECTION;
    }
    map "$lab_upgrade $http_accept" $lab_stream {
        default 0;
        "~^websocket" 1;
        "~*text/event-stream" 1;
    }
    map $upstream_bytes_received $lab_no_answer {
        default "no target could answer";
        "~[1-9][0-9]*$" "a target's answer cannot be passed on: its headers have more than 32 KiB, it ended too soon, or it is not HTTP";
    }
"#;

/// Within `server`: answers with headers of up to 32 KiB, requests as a managed load balancer takes
/// them (16 KiB in one line, 64 in all), and where streams go.
pub const SERVER: &str = "        large_client_header_buffers 4 16k;
        proxy_buffer_size 32k;
        proxy_buffers 8 16k;
        error_page 418 = @stream;
";

/// Within a `location` whose streams are passed on as such; the second error page is the one that says
/// that nobody answered.
pub const DIVERT: &str = "            if ($lab_stream) {
                return 418;
            }
            recursive_error_pages on;
";

/// The place of streams.
pub fn location(upstream: &str) -> String {
    format!(
        "        location @stream {{
            proxy_pass http://{upstream};
            proxy_buffering off;
            proxy_read_timeout {IDLE};
            proxy_send_timeout {IDLE};
        }}
"
    )
}
