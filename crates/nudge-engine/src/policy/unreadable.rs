//! What could not be understood, for one line of the log per item.

/// How many messages could not be understood, and why the first could not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unreadable {
    /// How many.
    pub count: u64,
    /// Why, of the first. It may quote the server: escape it.
    pub first: Option<String>,
}

impl Unreadable {
    /// One more.
    pub fn add(&mut self, why: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(why);
    }

    /// Takes those of a later part, and leaves it empty.
    pub fn absorb(&mut self, later: &mut Self) {
        self.count += std::mem::take(&mut later.count);
        let first = later.first.take();
        self.first = self.first.take().or(first);
    }
}
