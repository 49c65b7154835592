-- What odd settings of a role or a database change, and that the settings of Decoder::SESSION
-- undo it. Recorded once per server, in a fresh database, by
--   psql -XqAt -R $'\n%%\n' -v server=pg15 -f settings.sql
SET client_min_messages = warning;
CREATE TABLE odd (f float8, b bytea, t timestamptz, d date, i interval, m money, r regclass, PRIMARY KEY (f, b, t, d, i, m, r));
\o /dev/null
SELECT pg_create_logical_replication_slot('t', 'test_decoding', true);
SELECT pg_create_logical_replication_slot('w', 'wal2json', true);
INSERT INTO odd VALUES (0.1234567890123456789, '\x0102ff5c', '2020-02-03 04:05:06.789+00', '2020-02-03',
  '1 year 2 days 03:04:05', 1234.5, 'odd');
TRUNCATE odd;

SET quote_all_identifiers = 'on';
SET client_encoding = 'UTF8';
SET bytea_output = 'escape';
SET datestyle = 'German';
SET extra_float_digits = '-5';
SET intervalstyle = 'sql_standard';
SET search_path = 'public';
SET timezone = 'Asia/Kolkata';
\set file 'settings-odd-' :server '.txt'
\o :file
SELECT data FROM pg_logical_slot_peek_changes('t', NULL, NULL);
\qecho %%
SELECT data FROM pg_logical_slot_peek_changes('w', NULL, NULL, 'format-version', '2',
  'include-types', 'false', 'include-pk', 'true');

SET client_encoding = 'SQL_ASCII';
SET client_min_messages = 'warning';
SET bytea_output = 'hex';
SET datestyle = 'ISO';
SET extra_float_digits = '1';
SET intervalstyle = 'postgres';
SET lc_monetary = 'C';
SET quote_all_identifiers = 'off';
SET search_path = 'pg_catalog';
SET timezone = 'UTC';
\set file 'settings-session-' :server '.txt'
\o :file
SELECT data FROM pg_logical_slot_peek_changes('t', NULL, NULL);
\qecho %%
SELECT data FROM pg_logical_slot_peek_changes('w', NULL, NULL, 'format-version', '2',
  'include-types', 'false', 'include-pk', 'true');
