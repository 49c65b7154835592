-- What real servers print for awkward names and every kind of change. Recorded once per server
-- with wal2json, in a fresh database, by
--   psql -XqAt -R $'\n%%\n' -v server=pg15 -f record.sql 2>&1 |
--     sed -n 's/.*WARNING:  //p' > notices-pg15.txt
-- Messages are divided by a line of %%, since a name may hold a newline.
SET client_min_messages = warning;

CREATE SCHEMA app;
CREATE SCHEMA "We.ird ""S";
CREATE TABLE orders (id int PRIMARY KEY, note text);
CREATE TABLE app.items (id int PRIMARY KEY, doubled int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE keyless (id int);
CREATE TABLE full_identity (id int);
ALTER TABLE full_identity REPLICA IDENTITY FULL;
CREATE TABLE "We.ird ""S"."T: INSERT: x" (id int PRIMARY KEY);
CREATE TABLE "We.ird ""S"."a, b" (id int);
CREATE TABLE "a"".""b" (id int);
CREATE TABLE "Käse 🧀" (id int PRIMARY KEY);
CREATE TABLE "new
line	tab" (id int PRIMARY KEY, "c""ol" text);
CREATE TABLE "back\slash" (id int PRIMARY KEY);
CREATE TABLE "select" (id int PRIMARY KEY);
CREATE TABLE "1st" (id int PRIMARY KEY);
CREATE TABLE "*" (id int PRIMARY KEY);
CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);

\o /dev/null
SELECT pg_create_logical_replication_slot('t', 'test_decoding', true);
SELECT pg_create_logical_replication_slot('w', 'wal2json', true);

BEGIN;
INSERT INTO orders VALUES (1, 'x'), (2, '"},{"action":"C"}');
UPDATE orders SET note = NULL WHERE id = 1;
DELETE FROM orders WHERE id = 2;
COMMIT;
INSERT INTO app.items VALUES (1);
INSERT INTO keyless VALUES (1);
UPDATE keyless SET id = 2;
DELETE FROM keyless;
INSERT INTO full_identity VALUES (1);
UPDATE full_identity SET id = 2;
DELETE FROM full_identity;
INSERT INTO "We.ird ""S"."T: INSERT: x" VALUES (1);
INSERT INTO "We.ird ""S"."a, b" VALUES (1);
UPDATE "We.ird ""S"."a, b" SET id = 2;
INSERT INTO "a"".""b" VALUES (1);
DELETE FROM "a"".""b"; -- its notice can be read in two ways
INSERT INTO "Käse 🧀" VALUES (1);
INSERT INTO "new
line	tab" VALUES (1, 'v');
INSERT INTO "back\slash" VALUES (1);
INSERT INTO "select" VALUES (1);
INSERT INTO "1st" VALUES (1);
INSERT INTO "*" VALUES (1);
INSERT INTO part VALUES (1), (11);
UPDATE part SET id = 12 WHERE id = 1;
TRUNCATE orders, app.items, "We.ird ""S"."a, b";
TRUNCATE part RESTART IDENTITY CASCADE;
SELECT pg_logical_emit_message(true, 'p', 'abc');
SELECT pg_logical_emit_message(false, 'p', 'abc');
BEGIN;
INSERT INTO orders VALUES (9);
SAVEPOINT undone;
INSERT INTO keyless VALUES (7);
ROLLBACK TO undone;
COMMIT;
BEGIN;
INSERT INTO orders VALUES (10);
ROLLBACK;

\set file 'test_decoding-' :server '.txt'
\o :file
SELECT data FROM pg_logical_slot_get_changes('t', NULL, NULL,
  'include-xids', 'true', 'skip-empty-xacts', 'true');
\set file 'wal2json-' :server '.txt'
\o :file
SELECT data FROM pg_logical_slot_get_changes('w', NULL, NULL, 'format-version', '2',
  'include-types', 'false', 'include-xids', 'true', 'add-msg-prefixes', 'pgnudge');
