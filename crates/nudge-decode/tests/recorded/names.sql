-- Names beyond ASCII, in a database of an encoding of its own, made by
--   CREATE DATABASE … ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0
-- (LATIN1, EUC_JP, WIN1251, SQL_ASCII). Recorded once per server and encoding by
--   psql -XqAt -R $'\n%%\n' -v name=Käse -v encoding=LATIN1 -f names.sql > names-LATIN1-pg15.bin 2>&1
-- in a terminal of UTF-8. The names are Käse, 日本語～テーブル, заказы and Käse.
\encoding UTF8
SELECT set_config('client_min_messages', 'error', false) \g /dev/null
CREATE TABLE :"name" (id int PRIMARY KEY, note text);
CREATE TABLE key (:"name" text PRIMARY KEY);
CREATE TABLE keyless (id int);
ALTER TABLE keyless RENAME TO :"keyless";
\o /dev/null
SELECT pg_create_logical_replication_slot('t', 'test_decoding', true);
SELECT pg_create_logical_replication_slot('w', 'wal2json', true);
INSERT INTO :"name" VALUES (1, :'name');
UPDATE :"name" SET id = 2;
INSERT INTO key VALUES (:'name');
INSERT INTO :"keyless" VALUES (1);
DELETE FROM :"keyless";
TRUNCATE :"name", :"keyless";
SELECT pg_logical_emit_message(true, 'pgnudge', 'public.' || quote_ident(:'name'));
\encoding :encoding
SET client_min_messages = warning;
\o
SELECT data FROM pg_logical_slot_get_changes('t', NULL, NULL, 'skip-empty-xacts', 'false');
\qecho %%
SELECT data FROM pg_logical_slot_get_changes('w', NULL, NULL, 'format-version', '2',
  'include-types', 'false', 'include-pk', 'true', 'add-msg-prefixes', 'pgnudge');
