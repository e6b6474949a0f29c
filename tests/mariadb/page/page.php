<?php
// Notes in MariaDB. Writes go to whom DATABASE names; its own key is a note's id, so a write that is
// repeated has one effect.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function answer(int $status, array $body): never {
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body);
    exit;
}

function database(): mysqli {
    try {
        $link = mysqli_init();
        $link->options(MYSQLI_OPT_CONNECT_TIMEOUT, 1);
        $link->options(MYSQLI_OPT_READ_TIMEOUT, 3);
        $link->real_connect(getenv('DATABASE'), 'page', getenv('PASSWORD'), 'notes');
        return $link;
    } catch (mysqli_sql_exception $e) {
        // Nothing was sent: nothing can have happened.
        answer(503, ['error' => $e->getMessage()]);
    }
}

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/healthz') {
    answer(200, ['ok' => true]);
}
try {
    if ($_SERVER['REQUEST_METHOD'] === 'POST' && $path === '/notes') {
        $text = json_decode(file_get_contents('php://input'), true)['text'];
        // False, and no exception, when the server ends on the way (as in notes.php).
        $row = [$_SERVER['HTTP_IDEMPOTENCY_KEY'], $text];
        if (database()->execute_query('INSERT IGNORE INTO notes VALUES (?, ?)', $row) === false) {
            answer(500, ['error' => 'no answer']);
        }
        answer(201, ['id' => $_SERVER['HTTP_IDEMPOTENCY_KEY']]);
    }
    if (preg_match('#^/notes/([\w-]+)$#', $path, $found)) {
        $rows = database()->execute_query('SELECT text FROM notes WHERE id = ?', [$found[1]])->fetch_all();
        $rows ? answer(200, ['text' => $rows[0][0], 'times' => count($rows)]) : answer(404, []);
    }
    if ($path === '/count') {
        answer(200, ['notes' => (int) database()->execute_query('SELECT count(*) FROM notes')->fetch_row()[0]]);
    }
    answer(404, []);
} catch (mysqli_sql_exception $e) {
    answer(500, ['error' => $e->getMessage()]);
}
