//! Which of several servers will do, and which is tried first.

use super::given::Given;
use super::value_error::ValueError;

/// Which kind of server will do (`target_session_attrs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSessionAttrs {
    /// The first one that lets us in.
    Any,
    /// One whose sessions may write by default.
    ReadWrite,
    /// One whose sessions may only read by default.
    ReadOnly,
    /// One that is not in hot standby.
    Primary,
    /// One that is in hot standby.
    Standby,
    /// One in hot standby if there is any, otherwise any.
    PreferStandby,
}

impl TargetSessionAttrs {
    pub(super) fn parse(given: &Given) -> Result<Self, ValueError> {
        let words = [
            ("any", Self::Any),
            ("read-write", Self::ReadWrite),
            ("read-only", Self::ReadOnly),
            ("primary", Self::Primary),
            ("standby", Self::Standby),
            ("prefer-standby", Self::PreferStandby),
        ];
        let value = given.get("target_session_attrs");
        value.map_or(Ok(Self::Any), |value| value.word(&words))
    }
}

/// In which order hosts, and the addresses of each, are tried (`load_balance_hosts`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadBalanceHosts {
    /// As they are given.
    Disable,
    /// In random order.
    Random,
}

impl LoadBalanceHosts {
    pub(super) fn parse(given: &Given) -> Result<Self, ValueError> {
        let words = [("disable", Self::Disable), ("random", Self::Random)];
        let value = given.get("load_balance_hosts");
        value.map_or(Ok(Self::Disable), |value| value.word(&words))
    }
}
