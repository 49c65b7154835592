//! What lies in a TCP connection of this machine: sent, and not yet read.

use std::fs;

use crate::failure::Failure;

/// Bytes in both queues of both ends of the connections with that port, from `/proc/net/tcp`.
pub(crate) fn unread(port: u16) -> Result<u64, Failure> {
    Ok(in_table(&fs::read_to_string("/proc/net/tcp")?, port))
}

/// Lines such as `0: 0100007F:1538 0100007F:C350 01 00000000:0000001A …`: the two ends, the state, and how
/// much waits to be sent and to be read.
fn in_table(table: &str, port: u16) -> u64 {
    let end = format!(":{port:04X}");
    let waiting = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, _, queues, ..] = fields[..] else { return None };
        let (sent, received) = queues.split_once(':')?;
        let both = [sent, received].map(|hex| u64::from_str_radix(hex, 16).unwrap_or(0));
        [local, remote].iter().any(|place| place.ends_with(&end)).then(|| both.iter().sum::<u64>())
    };
    table.lines().filter_map(waiting).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_queues_of_both_ends_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1538 0100007F:C350 01 00000010:00000001 02:0 0
   1: 0100007F:C350 0100007F:1538 01 00000000:00000100 02:0 0
   2: 0100007F:C351 0100007F:1538 01 00000000:00000700 02:0 0\n";
        assert_eq!(in_table(table, 0xC350), 0x111);
        assert_eq!(in_table(table, 0xC352), 0);
    }
}
