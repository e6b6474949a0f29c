#!/usr/bin/env bash
# PHP 8.2.36 with mysqli (mysqlnd) and MariaDB 10.11.19, of Debian 12 (the same with PHP 8.4.28 and the MariaDB
# of Debian 13): the first `mysqli::execute_query` over a TCP connection whose server has ended returns false and
# throws nothing, with errno 0, although `mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT)` asks for an
# exception. The second one throws 2006, as `prepare` with `execute` and `query` do at once, and as all of them do
# over a Unix socket.
#
# Who trusts the exceptions alone takes the write for done: it is acknowledged and lost.
#
# Seen: execute_query 1: false errno 0; execute_query 2: exception 2006; prepare 1: exception 2006;
# query 1: exception 2006.
set -euo pipefail
dir=$(mktemp -d)
server=
cleanup() { [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"; }
trap cleanup EXIT
cd "$dir"
. /etc/os-release
[ "$VERSION_ID" = 12 ] || { echo "this needs the packages of Debian 12"; exit 1; }
apt-get download -q php8.2-cli php8.2-common php8.2-mysql mariadb-server mariadb-server-core mariadb-client-core \
    libmariadb3 libpcre2-8-0 libpcre2-posix3 libsodium23 libargon2-1 libxml2 libedit2 libbsd0 libicu72 liburing2 libnuma1 libsnappy1v5 \
    libaio1 libpmem1 libndctl6 libdaxctl1 galera-4 libreadline8 libncurses6 >/dev/null 2>&1 ||
    { echo "Debian's packages cannot be fetched"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" tree; done
export LD_LIBRARY_PATH=$dir/tree/usr/lib/x86_64-linux-gnu:$dir/tree/lib/x86_64-linux-gnu
modules=$(echo "$dir"/tree/usr/lib/php/2*)
php() {
    "$dir/tree/usr/bin/php8.2" -n -d extension_dir="$modules" -d extension=mysqlnd.so -d extension=mysqli.so "$@"
}
php -v | head -1
"$dir/tree/usr/sbin/mariadbd" --version
data=$dir/data
mkdir "$data" "$dir/tmp"
options=(--no-defaults "--datadir=$data" "--basedir=$dir/tree/usr" "--tmpdir=$dir/tmp" "--lc-messages-dir=$dir/tree/usr/share/mysql"
    "--socket=$dir/s" --bind-address=127.0.0.1 --port=7306 "--pid-file=$dir/pid" --innodb-buffer-pool-size=16M --skip-grant-tables)
[ "$(id -u)" != 0 ] || options+=(--user=root)
share=$dir/tree/usr/share/mysql
{
    printf 'create database mysql;\nuse mysql;\n'
    cat "$share/mysql_system_tables.sql"
} | "$dir/tree/usr/sbin/mariadbd" "${options[@]}" --bootstrap >bootstrap.log 2>&1 || { tail -5 bootstrap.log; exit 1; }
begin() {
    "$dir/tree/usr/sbin/mariadbd" "${options[@]}" >>server.log 2>&1 & server=$!
    until "$dir/tree/usr/bin/mariadb" --no-defaults --socket="$dir/s" -e 'create database if not exists n; create table if not exists n.n (id int)' 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || { tail -5 server.log; exit 1; }
        sleep 0.1
    done
}
cat >ask.php <<'PHP'
<?php
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
[, $way, $port] = $argv;
$link = new mysqli("127.0.0.1", "root", "", "n", (int) $port);
$link->query('SELECT 1');
echo "connected\n";
fgets(STDIN);
foreach ([1, 2] as $n) {
    try {
        $done = match ($way) {
            'execute_query' => $link->execute_query('INSERT INTO n VALUES (?)', [$n]),
            'prepare' => $link->prepare('INSERT INTO n VALUES (?)')->execute([$n]),
            'query' => $link->query("INSERT INTO n VALUES ($n)"),
        };
        echo "$way $n: ", var_export($done, true), " errno $link->errno\n";
    } catch (mysqli_sql_exception $e) {
        echo "$way $n: exception ", $e->getCode(), "\n";
    }
}
PHP
for way in execute_query prepare query; do
    begin
    mkfifo go
    php ask.php "$way" 7306 <go >"said.$way" 2>/dev/null & client=$!
    exec 3>go
    until grep -q connected "said.$way"; do sleep 0.05; done
    kill -9 "$server"; wait "$server" 2>/dev/null || true; server=
    echo go >&3; exec 3>&-
    wait "$client"
    rm go
    grep -v connected "said.$way"
done
grep -qx 'execute_query 1: false errno 0' said.execute_query
grep -qx 'execute_query 2: exception 2006' said.execute_query
grep -qx 'prepare 1: exception 2006' said.prepare
grep -qx 'query 1: exception 2006' said.query
