//! What wal2json prints, or could.

use std::collections::BTreeSet;
use std::fmt;

use nudge_decode::{Decoded, Decoder, Identities, Key, KeyValue, Plugin, TableRef};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

use crate::cut_heads::{a_cut_head_is_never_wrong, names};

/// Law: a cut head is never wrong; of a message that is JSON nothing is said that a whole JSON parser
/// would not say; and names that a user could have given come back as they are.
pub fn wal2json(message: &[u8]) {
    a_cut_head_is_never_wrong(Plugin::Wal2Json, message);
    if let Ok(object) = serde_json::from_slice::<Object>(message)
        && object.has_each_member_once()
    {
        let decoder = Decoder::new(Plugin::Wal2Json);
        object.compare(&decoder.decode(message, false));
        object.compare(&decoder.with_keys().decode(message, false));
    }
    if let Some((schema, table)) = names(message) {
        // Sorted by name or as they stand here: that is wal2json's order.
        let printed = json!({"action": "T", "schema": schema, "table": table}).to_string();
        let expected = Decoded::Change(Identities::from(TableRef::new(schema, table)).truncated());
        let decoder = Decoder::new(Plugin::Wal2Json);
        assert_eq!(decoder.decode(printed.as_bytes(), false), expected, "{printed}");
    }
}

/// The members of a JSON object, in their order.
struct Object(Vec<(String, Value)>);

impl Object {
    /// wal2json prints none twice; of others nobody can say which one counts.
    fn has_each_member_once(&self) -> bool {
        self.0.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == self.0.len()
    }

    fn get(&self, name: &str) -> &Value {
        self.0.iter().find(|(this, _)| this == name).map_or(&Value::Null, |(_, value)| value)
    }

    fn compare(&self, decoded: &Decoded<'_>) {
        let action = self.get("action").as_str().unwrap_or_default();
        match decoded {
            Decoded::Begin { .. } => assert_eq!(action, "B"),
            Decoded::Commit => assert_eq!(action, "C"),
            Decoded::Nudge(_) => assert_eq!(action, "M"),
            Decoded::Silent => {
                assert!(!["I", "U", "D", "T", "B", "C"].contains(&action), "{action} is silent");
            }
            Decoded::Change(identities) => {
                assert!(["I", "U", "D", "T"].contains(&action), "{action} is a change");
                assert_eq!(identities.is_truncation(), action == "T");
                self.compare_tables(identities);
            }
            Decoded::Unreadable(_) => {}
        }
    }

    fn compare_tables(&self, identities: &Identities<'_>) {
        for identity in identities {
            assert_eq!(self.get("schema"), &*identity.table.schema);
            assert_eq!(self.get("table"), &*identity.table.table);
            if let Some(key) = &identity.key {
                self.compare_key(key);
            }
        }
    }

    /// A key has the columns of the primary key, and values that the message has for them.
    fn compare_key(&self, key: &Key<'_>) {
        let columns = |member| self.get(member).as_array().into_iter().flatten();
        let names = key.columns().iter().map(|column| &*column.name);
        assert!(names.eq(columns("pk").map(|column| column["name"].as_str().unwrap_or_default())));
        for column in key.columns() {
            let mut told =
                columns("columns").chain(columns("identity")).filter(|c| c["name"] == *column.name);
            assert!(told.any(|told| is(&column.value, &told["value"])), "no {column:?}");
        }
    }
}

fn is(value: &KeyValue<'_>, json: &Value) -> bool {
    match value {
        KeyValue::Integer(number) => json == number,
        KeyValue::Bool(bool) => json == bool,
        KeyValue::Text(text) => json == &**text,
        // Compared as text by nobody: JSON's numbers have no one way to be written.
        _ => json.is_number(),
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Object(members))
    }
}
