-- What real servers print for an application's nudges and for other logical messages. Recorded
-- once per server, in a fresh database, by
--   psql -XqAt -R $'\n%%\n' -v server=pg15 -f messages.sql
SET client_min_messages = warning;
CREATE TABLE orders (id int PRIMARY KEY);
\o /dev/null
SELECT pg_create_logical_replication_slot('t', 'test_decoding', true);
SELECT pg_create_logical_replication_slot('w', 'wal2json', true);

SELECT pg_logical_emit_message(true, 'pgnudge', 'public.orders');
SELECT pg_logical_emit_message(false, 'pgnudge', 'public.orders');
BEGIN;
INSERT INTO orders VALUES (1);
SELECT pg_logical_emit_message(true, 'pgnudge', '"We.ird ""S"."a, b"');
SELECT pg_logical_emit_message(true, 'pgnudge', E'"new\nline"."no such table"');
SELECT pg_logical_emit_message(true, 'pgnudge', 'public.käse');
SELECT pg_logical_emit_message(true, 'pgnudge', 'public."x, sz: 9 content:"');
COMMIT;
SELECT pg_logical_emit_message(true, 'pgnudge', 'public.*');
SELECT pg_logical_emit_message(true, 'pgnudge', 'public.Orders');
SELECT pg_logical_emit_message(true, 'pgnudge', 'orders');
SELECT pg_logical_emit_message(true, 'pgnudge', '');
SELECT pg_logical_emit_message(true, '', 'public.orders');
SELECT pg_logical_emit_message(true, 'pgnudge2', 'public.orders');
SELECT pg_logical_emit_message(true, 'pgnudge, sz: 3 content:abc', 'public.orders');
BEGIN;
SELECT pg_logical_emit_message(true, 'pgnudge', 'public.undone');
ROLLBACK;
BEGIN;
SAVEPOINT undone;
SELECT pg_logical_emit_message(true, 'pgnudge', 'public.undone');
ROLLBACK TO undone;
SELECT pg_logical_emit_message(true, 'pgnudge', 'public.done');
COMMIT;

\set file 'messages-test_decoding-' :server '.txt'
\o :file
SELECT data FROM pg_logical_slot_get_changes('t', NULL, NULL,
  'include-xids', 'true', 'skip-empty-xacts', 'false');
\set file 'messages-wal2json-' :server '.txt'
\o :file
SELECT data FROM pg_logical_slot_get_changes('w', NULL, NULL, 'format-version', '2',
  'include-types', 'false', 'include-xids', 'true', 'add-msg-prefixes', 'pgnudge');
