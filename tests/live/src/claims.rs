//! The claims, one per file. Each file tells with which planted faults the claim was seen to fail: one
//! that cannot fail proves nothing.

mod a_blocked_slot_is_withdrawn;
mod a_blocked_slot_names_its_blocker;
mod a_browser_is_nudged;
mod a_client_certificate_logs_in;
mod a_closed_stdout_ends_it;
mod a_command_runs_per_item;
mod a_commit_is_told_in_milliseconds;
mod a_dead_link_is_noticed;
mod a_failover_is_followed;
mod a_feed_has_a_name;
mod a_feed_is_no_synchronous_standby;
mod a_host_that_is_down_is_passed_over;
mod a_host_that_is_unfit_is_passed_over;
mod a_hostile_owner_gains_nothing;
mod a_huge_row_in_constant_memory;
mod a_hung_bridge_is_relieved;
mod a_lost_notification_is_made_good;
mod a_lost_wakeup_is_found;
mod a_million_rows_are_one_event;
mod a_pooler_is_left_clean;
mod a_replica_is_waited_for_by_lsn;
mod a_rotated_password_is_read_again;
mod a_signal_ends_it;
mod a_stalled_consumer_retains_no_wal;
mod a_stalled_subscriber_harms_nobody;
mod a_standby_bridge_takes_over;
mod a_standby_can_be_watched;
mod a_stream_goes_on_until_the_next_one_is_live;
mod a_synchronous_standby_is_waited_for;
mod a_table_filter_works_on_both_plugins;
mod a_unix_socket_works;
mod a_vanished_host_keeps_no_slot;
mod a_watch_ends_by_itself;
mod an_outage_is_two_lines;
mod application_nudges_are_told;
mod chunks_nudge_their_hypertable;
mod copy_nudges;
mod counts_are_exact;
mod direct_tls;
mod drop_is_the_goodbye;
mod event_streams_nudge;
mod every_rung_of_sslmode_holds;
mod fast_shutdown_is_not_delayed;
mod files_of_libpq_are_read;
mod fresh_slot_after_terminate;
mod gap_free_handshake;
mod hard_abort_leaves_no_slots;
mod idle_event_streams_are_cheap;
mod keyless_tables_nudge;
mod keys_are_read_as_psql_reads_them;
mod keys_are_told;
mod listeners_are_never_stale;
mod lsn_is_after_the_commit;
mod metrics_are_sound;
mod mistakes_are_errors_with_hints;
mod names_are_identical_on_both_plugins;
mod names_are_matched_as_psql_does;
mod names_steer_nothing;
mod names_survive_the_encoding;
mod next_is_cancel_safe;
mod no_backfill;
mod no_commit_is_slept_through;
mod nothing_grows;
mod nothing_is_left_at_any_stage;
mod nothing_makes_a_copy_wrong;
mod one_feed_many_subscribers;
mod only_committed_work_nudges;
mod overflow_is_one_resync;
mod partitions_nudge_their_roots;
mod passwords_are_prepared_as_the_server_does;
mod prepared_transactions_nudge_at_commit;
mod samples_for_listeners_survive;
mod settings_change_nothing;
mod temporary_slot_only;
mod the_catalogs_never_change;
mod the_consumer_is_the_pump;
mod the_doctor_finds_what_is_wrong;
mod the_doctor_knows_other_servers;
mod the_password_is_asked_each_time;
mod the_password_is_never_logged;
mod the_reader_never_stalls;
mod tls_with_scram;
mod transaction_markers_may_be_left_out;
mod truncate_counts_one_each;
mod visible_before_nudged;
mod wal_level_too_low_is_an_error;
mod what_a_feed_hinders;
mod window_law;

use crate::Claim;

/// Every claim, in the order of a reader who doubts: nothing is left, nothing is lost, the rest.
pub const ALL: &[Claim] = &[
    no_backfill::CLAIM,
    temporary_slot_only::CLAIM,
    the_catalogs_never_change::CLAIM,
    hard_abort_leaves_no_slots::CLAIM,
    a_rotated_password_is_read_again::CLAIM,
    a_signal_ends_it::CLAIM,
    drop_is_the_goodbye::CLAIM,
    a_blocked_slot_is_withdrawn::CLAIM,
    a_blocked_slot_names_its_blocker::CLAIM,
    a_vanished_host_keeps_no_slot::CLAIM,
    nothing_is_left_at_any_stage::CLAIM,
    a_closed_stdout_ends_it::CLAIM,
    fresh_slot_after_terminate::CLAIM,
    a_dead_link_is_noticed::CLAIM,
    an_outage_is_two_lines::CLAIM,
    gap_free_handshake::CLAIM,
    counts_are_exact::CLAIM,
    truncate_counts_one_each::CLAIM,
    copy_nudges::CLAIM,
    keyless_tables_nudge::CLAIM,
    names_are_identical_on_both_plugins::CLAIM,
    names_survive_the_encoding::CLAIM,
    names_steer_nothing::CLAIM,
    settings_change_nothing::CLAIM,
    a_table_filter_works_on_both_plugins::CLAIM,
    keys_are_told::CLAIM,
    only_committed_work_nudges::CLAIM,
    prepared_transactions_nudge_at_commit::CLAIM,
    application_nudges_are_told::CLAIM,
    partitions_nudge_their_roots::CLAIM,
    chunks_nudge_their_hypertable::CLAIM,
    nothing_makes_a_copy_wrong::CLAIM,
    a_lost_wakeup_is_found::CLAIM,
    visible_before_nudged::CLAIM,
    a_synchronous_standby_is_waited_for::CLAIM,
    a_feed_is_no_synchronous_standby::CLAIM,
    what_a_feed_hinders::CLAIM,
    lsn_is_after_the_commit::CLAIM,
    a_replica_is_waited_for_by_lsn::CLAIM,
    transaction_markers_may_be_left_out::CLAIM,
    a_commit_is_told_in_milliseconds::CLAIM,
    window_law::CLAIM,
    no_commit_is_slept_through::CLAIM,
    next_is_cancel_safe::CLAIM,
    overflow_is_one_resync::CLAIM,
    a_million_rows_are_one_event::CLAIM,
    a_huge_row_in_constant_memory::CLAIM,
    the_consumer_is_the_pump::CLAIM,
    one_feed_many_subscribers::CLAIM,
    nothing_grows::CLAIM,
    a_stalled_consumer_retains_no_wal::CLAIM,
    a_stalled_subscriber_harms_nobody::CLAIM,
    the_reader_never_stalls::CLAIM,
    a_stream_goes_on_until_the_next_one_is_live::CLAIM,
    fast_shutdown_is_not_delayed::CLAIM,
    tls_with_scram::CLAIM,
    every_rung_of_sslmode_holds::CLAIM,
    passwords_are_prepared_as_the_server_does::CLAIM,
    names_are_matched_as_psql_does::CLAIM,
    a_client_certificate_logs_in::CLAIM,
    keys_are_read_as_psql_reads_them::CLAIM,
    a_unix_socket_works::CLAIM,
    files_of_libpq_are_read::CLAIM,
    a_host_that_is_down_is_passed_over::CLAIM,
    a_host_that_is_unfit_is_passed_over::CLAIM,
    a_hostile_owner_gains_nothing::CLAIM,
    direct_tls::CLAIM,
    the_password_is_asked_each_time::CLAIM,
    a_failover_is_followed::CLAIM,
    a_standby_can_be_watched::CLAIM,
    mistakes_are_errors_with_hints::CLAIM,
    wal_level_too_low_is_an_error::CLAIM,
    the_password_is_never_logged::CLAIM,
    a_command_runs_per_item::CLAIM,
    a_watch_ends_by_itself::CLAIM,
    the_doctor_finds_what_is_wrong::CLAIM,
    the_doctor_knows_other_servers::CLAIM,
    listeners_are_never_stale::CLAIM,
    a_lost_notification_is_made_good::CLAIM,
    event_streams_nudge::CLAIM,
    metrics_are_sound::CLAIM,
    samples_for_listeners_survive::CLAIM,
    a_feed_has_a_name::CLAIM,
    idle_event_streams_are_cheap::CLAIM,
    a_browser_is_nudged::CLAIM,
    a_standby_bridge_takes_over::CLAIM,
    a_hung_bridge_is_relieved::CLAIM,
    a_pooler_is_left_clean::CLAIM,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_claim_is_in_the_file_of_its_name() {
        let names: BTreeSet<_> = ALL.iter().map(|claim| format!("{}.rs", claim.name)).collect();
        assert_eq!(names.len(), ALL.len(), "a name is there twice");
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/claims");
        let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        let files: BTreeSet<_> = files.map(|name| name.into_string().unwrap()).collect();
        assert_eq!(names, files);
    }

    #[test]
    fn every_claim_says_what_it_proves_and_what_would_falsify_it() {
        let rules: Vec<_> =
            (1..=13).map(|n| format!("R{n}")).chain((1..=5).map(|n| format!("law {n}"))).collect();
        for claim in ALL {
            assert!(!claim.proves.is_empty(), "{claim:?}");
            assert!(claim.proves.iter().all(|rule| rules.iter().any(|known| known == rule)), "{claim:?}");
            assert!(claim.claim.ends_with('.') && !claim.falsified_by.ends_with('.'), "{claim:?}");
        }
    }
}
