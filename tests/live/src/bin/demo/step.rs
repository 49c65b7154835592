//! The workload, as data.

/// One transaction, or the same one several times.
#[derive(Debug)]
pub(crate) struct Step {
    /// What happens, in words.
    pub(crate) what: &'static str,
    /// The statements of the transaction.
    pub(crate) statements: &'static [&'static str],
    /// How often it runs, one right after the other.
    pub(crate) times: u32,
    /// The tables that one run changes, and how many rows of them.
    pub(crate) changes: &'static [(&'static str, u64)],
}

/// A shop. Nothing in here is made for the demo but the role and the database.
pub(crate) const TABLES: &str = "
    CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, placed timestamptz DEFAULT now());
    CREATE TABLE items (order_id int, sku text, PRIMARY KEY (order_id, sku));
    CREATE TABLE stock (sku text PRIMARY KEY, pieces int);
    CREATE TABLE visits (page text);
    INSERT INTO stock VALUES ('apple', 100), ('pear', 100), ('plum', 100);
    INSERT INTO visits VALUES ('/'), ('/pears');";

pub(crate) const STEPS: [Step; 7] = [
    Step {
        what: "An order.",
        statements: &["INSERT INTO orders DEFAULT VALUES"],
        times: 1,
        changes: &[("public.orders", 1)],
    },
    Step {
        what: "An order with its items: one transaction, one wakeup.",
        statements: &[
            "INSERT INTO orders DEFAULT VALUES",
            "INSERT INTO items VALUES (2, 'apple'), (2, 'pear'), (2, 'plum')",
            "UPDATE stock SET pieces = pieces - 1",
        ],
        times: 1,
        changes: &[("public.orders", 1), ("public.items", 3), ("public.stock", 3)],
    },
    Step {
        what: "A thousand orders, rolled back, and a visit: only what is committed wakes.",
        statements: &[
            "SAVEPOINT sale",
            "INSERT INTO orders SELECT FROM generate_series(1, 1000)",
            "ROLLBACK TO sale",
            "INSERT INTO visits VALUES ('/sale')",
        ],
        times: 1,
        changes: &[("public.visits", 1)],
    },
    Step {
        what: "An update of a table without primary key.",
        statements: &["UPDATE visits SET page = '/new'"],
        times: 1,
        changes: &[("public.visits", 3)],
    },
    Step {
        what: "A burst of 300 single commits: wakeups merge, nothing is lost.",
        statements: &["INSERT INTO orders DEFAULT VALUES"],
        times: 300,
        changes: &[("public.orders", 1)],
    },
    Step {
        what: "An import of 20,000 rows.",
        statements: &["INSERT INTO items SELECT n, 'apple' FROM generate_series(1001, 21000) n"],
        times: 1,
        changes: &[("public.items", 20_000)],
    },
    Step {
        what: "The shop is closed: TRUNCATE of three tables.",
        statements: &["TRUNCATE orders, items, stock"],
        times: 1,
        changes: &[("public.orders", 1), ("public.items", 1), ("public.stock", 1)],
    },
];
