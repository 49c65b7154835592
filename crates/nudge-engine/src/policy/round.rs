//! A round over all hosts in which none was fit for a feed: what its error is.
//!
//! A feed needs more of a host than a login: a slot, a plugin, a `wal_level`. Whatever a host lacks, the next
//! one may have; so each error ends one try, and the round is hopeless only if each of its hosts is. (libpq
//! goes on to the next host only until a server has asked for a password.)

use crate::{Error, ErrorKind};

/// How far a try came. The error of one that came further says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Progress {
    /// The server is not of the kind that `target_session_attrs` asks for, as it is in every healthy cluster.
    Unsuited,
    /// No server has answered.
    Unreached,
    /// The server has answered, and the login failed.
    Answered,
    /// The server let the feed in, and something after that failed.
    LetIn,
}

impl Progress {
    /// Of a login that failed.
    pub(crate) fn at_login(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Network | ErrorKind::Timeout => Self::Unreached,
            _ => Self::Answered,
        }
    }
}

/// One failed try.
#[derive(Debug)]
pub(crate) struct Try {
    /// The host as the settings name it. It may have several addresses.
    pub(crate) host: String,
    /// Host, address and port, and the manner of the connection.
    pub(crate) route: String,
    pub(crate) progress: Progress,
    pub(crate) error: Error,
}

/// The failed tries of a round, in order: the last one of each address.
#[derive(Debug, Default)]
pub(crate) struct Round {
    tries: Vec<Try>,
}

impl Round {
    /// Adds a try. `alternative`: it reached the address of the last one in another manner, whose failure
    /// says less than that of the preferred manner unless the server let it in.
    pub(crate) fn failed(&mut self, failed: Try, alternative: bool) {
        if alternative {
            if !failed.is_let_in() {
                return;
            }
            self.tries.pop();
        }
        self.tries.push(failed);
    }

    /// Whether the server at the last address let the feed in. Then another manner of reaching the same
    /// server gains nothing.
    pub(crate) fn was_let_in(&self) -> bool {
        self.tries.last().is_some_and(Try::is_let_in)
    }

    /// The error of the round: that of the try that came furthest, among those that may succeed the next time
    /// if there are any. It names its route, and the others with theirs; it is permanent if all hosts are hopeless.
    pub(crate) fn error(mut self) -> Error {
        let hopeless = self.is_hopeless();
        let weight = |at: &Try| (hopeless || !at.error.is_permanent(), at.progress);
        // Of equals `max_by_key` takes the last.
        let best = self.tries.iter().enumerate().rev().max_by_key(|(_, at)| weight(at));
        let Some((index, best)) = best else {
            return Error::transient(ErrorKind::Network, "there is no route to the server");
        };
        let summary = self.summary(best);
        let Try { error, route, .. } = self.tries.swap_remove(index);
        match summary {
            Some(summary) => error.with_summary(summary, hopeless),
            None => error.at(&route),
        }
    }

    /// Whether no host may be fit the next time.
    fn is_hopeless(&self) -> bool {
        let mut hosts = self.tries.chunk_by(|one, next| one.host == next.host);
        !self.tries.is_empty() && hosts.all(is_hopeless)
    }

    /// One line about all tries, the best one first; `None` if there is no more to say than its error does.
    fn summary(&self, best: &Try) -> Option<String> {
        let mut told: Vec<&Try> = vec![best];
        for at in &self.tries {
            // Most names that stand for several addresses stand for one server.
            let repeats =
                |told: &&Try| told.host == at.host && told.error.to_string() == at.error.to_string();
            if told.len() <= Self::MOST_TOLD && !told.iter().any(repeats) {
                told.push(at);
            }
        }
        let more = if told.len() > Self::MOST_TOLD { "; and others" } else { "" };
        let tries = told.iter().take(Self::MOST_TOLD).map(|at| format!("{}: {}", at.route, at.error));
        (told.len() > 1).then(|| tries.collect::<Vec<_>>().join("; ") + more)
    }

    /// As many are read; each of the 64 hosts may have any number of addresses.
    const MOST_TOLD: usize = 8;
}

/// Whether these tries of one host leave no hope for it. An address at which nothing answers means nothing
/// where another one answers: `localhost` has two, and few servers listen at both.
fn is_hopeless(host: &[Try]) -> bool {
    let answers = |at: &&Try| at.progress != Progress::Unreached;
    let silent = !host.iter().any(|at| answers(&at));
    host.iter().filter(|at| silent || answers(at)).all(|at| at.error.is_permanent())
}

impl Try {
    fn is_let_in(&self) -> bool {
        matches!(self.progress, Progress::LetIn | Progress::Unsuited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Progress::{Answered, LetIn, Unreached, Unsuited};

    fn at(host: &str, address: &str, progress: Progress, error: Error) -> Try {
        Try { host: host.into(), route: format!("{host} ({address})"), progress, error }
    }

    fn hopeless(message: &str) -> Error {
        Error::permanent(ErrorKind::Server, message).with_hint("mend it")
    }

    fn passing(message: &str) -> Error {
        Error::transient(ErrorKind::Network, message)
    }

    fn round<const N: usize>(tries: [Try; N]) -> Round {
        Round { tries: tries.into() }
    }

    #[test]
    fn one_try_speaks_for_itself() {
        let error = round([at("a", "1", LetIn, hopeless("no"))]).error();
        assert!(error.is_permanent() && error.to_string() == "a (1): no" && error.hint() == Some("mend it"));
        assert!(!Round::default().error().is_permanent());
    }

    #[test]
    fn a_round_is_permanent_only_if_every_host_is() {
        for (first, second, permanent) in [
            (hopeless("no"), hopeless("no"), true),
            (hopeless("no"), passing("late"), false),
            (passing("late"), hopeless("no"), false),
            (passing("late"), passing("late"), false),
        ] {
            let error = round([at("a", "1", LetIn, first), at("b", "2", LetIn, second)]).error();
            assert_eq!(error.is_permanent(), permanent, "{error}");
        }
    }

    /// `localhost` with a wrong password, and a server that listens at one of its addresses.
    #[test]
    fn an_address_where_nothing_answers_means_nothing_where_another_one_answers() {
        let tries = || [at("a", "1", Unreached, passing("refused")), at("a", "2", Answered, hopeless("no"))];
        assert!(round(tries()).error().is_permanent());
        let [silent, answer] = tries();
        assert!(round([answer, silent]).error().is_permanent());
        let [silent, answer] = tries();
        let of_others = [silent, Try { host: "b".into(), ..answer }];
        assert!(!round(of_others).error().is_permanent());
        let unreached =
            [at("a", "1", Unreached, passing("refused")), at("a", "2", Unreached, passing("late"))];
        assert!(!round(unreached).error().is_permanent());
    }

    #[test]
    fn the_try_that_came_furthest_comes_first_and_the_others_are_named() {
        let message = |tries: [Try; 3]| round(tries).error().to_string();
        let tries = |[one, two, three]: [Error; 3]| {
            [at("a", "1", Unsuited, one), at("b", "2", Unreached, two), at("c", "3", Answered, three)]
        };
        let all_passing = tries([passing("standby"), passing("refused"), passing("full")]);
        assert_eq!(message(all_passing), "c (3): full; a (1): standby; b (2): refused");
        let all_hopeless = tries([hopeless("x"), hopeless("y"), hopeless("z")]);
        assert_eq!(message(all_hopeless), "c (3): z; a (1): x; b (2): y");
        // What is waited for is the one that may come.
        let mixed = tries([passing("standby"), passing("refused"), hopeless("password")]);
        assert_eq!(message(mixed), "b (2): refused; a (1): standby; c (3): password");
    }

    #[test]
    fn what_several_addresses_of_a_host_say_alike_is_told_once() {
        let error = round([at("a", "1", LetIn, hopeless("no")), at("a", "2", LetIn, hopeless("no"))]).error();
        assert_eq!(error.to_string(), "a (1): no");
        let many: Vec<_> = (0..1000).map(|n| at(&n.to_string(), "1", LetIn, hopeless("no"))).collect();
        let error = Round { tries: many }.error();
        assert!(error.to_string().ends_with("7 (1): no; and others"), "{error}");
    }

    #[test]
    fn of_several_manners_the_preferred_one_says_most_unless_another_is_let_in() {
        for (progress, told) in [(Answered, "with TLS"), (Unreached, "with TLS"), (LetIn, "without")] {
            let mut round = Round::default();
            round.failed(at("a", "1", Answered, hopeless("with TLS")), false);
            assert!(!round.was_let_in());
            round.failed(at("a", "1", progress, hopeless("without")), true);
            assert_eq!(round.was_let_in(), progress == LetIn);
            assert_eq!(round.error().to_string(), format!("a (1): {told}"));
        }
    }
}
