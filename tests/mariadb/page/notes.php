<?php
// Notes without HTTP: a line of JSON comes in for each operation, and one goes out. It ends with its input.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

$link = null;
while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true);
    $sent = false;
    try {
        if ($link === null) {
            $link = mysqli_init();
            $link->options(MYSQLI_OPT_CONNECT_TIMEOUT, 1);
            $link->options(MYSQLI_OPT_READ_TIMEOUT, 3);
            $link->real_connect(getenv('DATABASE'), 'page', getenv('PASSWORD'), 'notes');
        }
        $sent = true;
        if (isset($asked['write'])) {
            // Over a connection whose server has ended it is false, and no exception (PHP 8.4.28, mysqlnd; shown in
            // findings/php-mysqli-execute-query-connection-lost.sh).
            $done = $link->execute_query('INSERT IGNORE INTO notes VALUES (?, ?)', [$asked['write'], $asked['text']]);
            if ($done === false) {
                throw new mysqli_sql_exception('no answer');
            }
            $answer = ['status' => 201];
        } elseif (isset($asked['all'])) {
            $whole = "SELECT count(*), count(CASE WHEN text = concat('note ', id) THEN 1 END) FROM notes";
            [$rows, $right] = $link->execute_query($whole)->fetch_row();
            $answer = ['rows' => (int) $rows, 'right' => (int) $right];
        } else {
            $rows = $link->execute_query('SELECT text FROM notes WHERE id = ?', [$asked['read']])->fetch_all();
            $answer = $rows ? ['text' => $rows[0][0], 'times' => count($rows)] : ['status' => 404];
        }
    } catch (mysqli_sql_exception $e) {
        // Nothing was sent over a connection that never was: nothing can have happened.
        $answer = ['status' => $sent ? 500 : 503, 'error' => $e->getMessage()];
        $link = null;
    }
    echo json_encode($answer), "\n";
}
