-- What wal2json prints with include-pk for every kind of key. Recorded once per server, in a
-- fresh database, by
--   psql -XqAt -R $'\n%%\n' -f keys.sql 2>/dev/null > keys-pg15.txt
SET client_min_messages = warning;

CREATE TYPE color AS ENUM ('red', 'say "hi"');
CREATE DOMAIN amount AS numeric;
CREATE TABLE t_int (id int PRIMARY KEY, note text);
CREATE TABLE t_big (id bigint PRIMARY KEY);
CREATE TABLE t_numeric (id numeric PRIMARY KEY, note text);
CREATE TABLE t_float (id float8 PRIMARY KEY);
CREATE TABLE t_bool (id bool PRIMARY KEY);
CREATE TABLE t_text (id text PRIMARY KEY, note text);
CREATE TABLE t_other (u uuid, b bytea, t timestamptz, a int[], c color, d amount, j jsonb, o oid,
  PRIMARY KEY (u, b, t, a, c, d, j, o));
CREATE TABLE several (note text, b int, "a,b ""c""" text, PRIMARY KEY ("a,b ""c""", b));
CREATE TABLE keyless (id int);
CREATE TABLE full_row (id int PRIMARY KEY, note text);
ALTER TABLE full_row REPLICA IDENTITY FULL;
CREATE TABLE full_keyless (id int);
ALTER TABLE full_keyless REPLICA IDENTITY FULL;
CREATE TABLE by_index (id int PRIMARY KEY, other int NOT NULL UNIQUE);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_other_key;
CREATE TABLE by_half (a int, b int NOT NULL, c int NOT NULL, PRIMARY KEY (a, b), UNIQUE (b, c));
ALTER TABLE by_half REPLICA IDENTITY USING INDEX by_half_b_c_key;
CREATE TABLE by_more (id int PRIMARY KEY, other int NOT NULL, UNIQUE (other, id));
ALTER TABLE by_more REPLICA IDENTITY USING INDEX by_more_other_id_key;
CREATE TABLE only_index (other int NOT NULL UNIQUE);
ALTER TABLE only_index REPLICA IDENTITY USING INDEX only_index_other_key;
CREATE TABLE generated (a int, id int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY);
CREATE TABLE dropped (gone int, id int PRIMARY KEY);
ALTER TABLE dropped DROP gone;
CREATE TABLE out_of_line (id text PRIMARY KEY, note text);
ALTER TABLE out_of_line ALTER id SET STORAGE EXTERNAL;
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 (note text, id int NOT NULL);
ALTER TABLE parted ADD note text;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (10) TO (20);

\o /dev/null
SELECT pg_create_logical_replication_slot('w', 'wal2json', true);

INSERT INTO t_int VALUES (-7, 'x');
UPDATE t_int SET note = '"}],"pk":[{"name":"note"}]}';
UPDATE t_int SET id = 8;
DELETE FROM t_int;
INSERT INTO t_big VALUES (9223372036854775807), (-9223372036854775808);
INSERT INTO t_numeric VALUES (123456789012345678901234567890.123450), (9223372036854775808), (1.00), (5),
  ('NaN');
UPDATE t_numeric SET id = 6 WHERE id = 'NaN';
UPDATE t_numeric SET id = 5.0 WHERE id = 5;
INSERT INTO t_float VALUES (1e300), (1e-7), (0.1), (100), ('-0'), ('Infinity');
DELETE FROM t_float WHERE id = 'Infinity';
INSERT INTO t_bool VALUES (true), (false);
INSERT INTO t_text VALUES ('a,b'), (''), (E'q"\\\n\t\x01'), ('käse 🧀'), ('7'), ('null');
INSERT INTO t_other VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x00ff', '2020-01-01 00:00Z', '{1,2}',
  'say "hi"', 1.50, '{"a": "\""}', 4294967295);
INSERT INTO several VALUES ('x', 1, 'y');
UPDATE several SET note = 'z';
UPDATE several SET b = 2;
DELETE FROM several;
INSERT INTO keyless VALUES (1);
INSERT INTO full_row VALUES (1, 'x');
UPDATE full_row SET note = NULL;
UPDATE full_row SET id = 2;
DELETE FROM full_row;
INSERT INTO full_keyless VALUES (1);
UPDATE full_keyless SET id = 2;
DELETE FROM full_keyless;
INSERT INTO by_index VALUES (1, 2);
UPDATE by_index SET id = 3;
DELETE FROM by_index;
INSERT INTO by_half VALUES (1, 2, 3);
UPDATE by_half SET b = 4;
DELETE FROM by_half;
INSERT INTO by_more VALUES (1, 2);
UPDATE by_more SET id = 3;
DELETE FROM by_more;
INSERT INTO only_index VALUES (1);
DELETE FROM only_index;
INSERT INTO generated VALUES (1);
UPDATE generated SET a = 3;
INSERT INTO dropped VALUES (1);
UPDATE dropped SET id = 2;
INSERT INTO out_of_line VALUES (repeat('k', 2100), 'x');
UPDATE out_of_line SET note = 'y';
UPDATE out_of_line SET id = 'short';
INSERT INTO parted VALUES (1), (11);
UPDATE parted SET id = 12 WHERE id = 1;
TRUNCATE t_int;
\o

SELECT data FROM pg_logical_slot_get_changes('w', NULL, NULL, 'format-version', '2', 'include-types', 'false',
  'include-xids', 'true', 'include-pk', 'true', 'include-transaction', 'false');
