-- How PostgreSQL converts every character of its encodings to UTF-8; the same on 15, 17 and 18.
-- Recorded in a database whose encoding is UTF8 by
--   psql -XqAt -F ' ' -f conversions.sql > conversions.txt
-- A line has an encoding, the bytes before the last one, the range of the last one, and what they
-- are converted to, one after the other; U+FFFD is none.
CREATE FUNCTION pg_temp.convert(bytes bytea, encoding name) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN convert_from(bytes, encoding);
EXCEPTION WHEN OTHERS THEN
  RETURN U&'\FFFD';
END $$;

WITH leads(encodings, leads, first, last) AS (VALUES
  ('{LATIN1,LATIN2,LATIN3,LATIN4,LATIN5,LATIN6,LATIN7,LATIN8,LATIN9,LATIN10,ISO_8859_5,ISO_8859_6,ISO_8859_7,
     ISO_8859_8,KOI8R,KOI8U,WIN866,WIN874,WIN1250,WIN1251,WIN1252,WIN1253,WIN1254,WIN1255,WIN1256,WIN1257,
     WIN1258}'::name[], ARRAY[''::bytea], 128, 255),
  ('{EUC_CN,EUC_JP,EUC_KR}', (SELECT array_agg(set_byte('\x00', 0, byte)) FROM generate_series(161, 254) byte),
    161, 254),
  ('{EUC_JP}', ARRAY['\x8e'::bytea], 161, 223),
  ('{EUC_JP}', (SELECT array_agg(set_byte('\x8f00', 1, byte)) FROM generate_series(161, 254) byte), 161, 254)
), lines AS (
  SELECT encoding, lead, to_hex(first) || '-' || to_hex(last) AS range, (
    SELECT string_agg(pg_temp.convert(lead || set_byte('\x00', 0, byte), encoding), '' ORDER BY byte)
    FROM generate_series(first, last) byte) AS characters
  FROM leads, unnest(encodings) encoding, unnest(leads) lead
)
SELECT encoding, 'x' || encode(lead, 'hex'), range, characters FROM lines
WHERE characters ~ U&'[^\FFFD]' ORDER BY encoding::text COLLATE "C", lead;
