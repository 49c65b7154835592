//! Replication clients of other projects: `peers CLIENT PORT MESSAGES`.
//!
//! Each reads so many XLogData messages from the scripted walsender of the benchmark, throws them away,
//! and ends; `bench replay --peers` measures the process. They are made for pgoutput. Nothing is decoded
//! here: what is compared is taking messages out of a socket, by whatever each of them has for that.

use std::error::Error;

use pg_walstream::{
    CancellationToken, LogicalReplicationStream, PgReplicationConnection, ReplicationStreamConfig,
};
use pgwire_replication::{ReplicationClient, ReplicationConfig, ReplicationEvent};
use tokio::runtime::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [client, port, messages] = words.as_slice() else {
        return Err("which client, from which port, how many messages?".into());
    };
    let (port, messages) = (port.parse()?, messages.parse()?);
    // Each on the runtime that is the cheaper one for it.
    let mut runtime = match client.as_str() {
        "pgwire-replication" => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    match client.as_str() {
        "pg_walstream-connection" => runtime.block_on(pg_walstream_connection(port, messages)),
        "pg_walstream" => runtime.block_on(pg_walstream(port, messages)),
        "pgwire-replication" => runtime.block_on(pgwire_replication(port, messages)),
        _ => Err(format!("there is no client {client}").into()),
    }
}

/// Its connection alone: the content of each CopyData message, as it comes.
async fn pg_walstream_connection(port: u16, messages: u64) -> Result<(), Box<dyn Error>> {
    let mut connection = PgReplicationConnection::connect_async(&target(port)).await?;
    connection.start_replication_async("bench", 0, &[]).await?;
    let (never, mut read) = (CancellationToken::new(), 0);
    while read < messages {
        let content = connection.get_copy_data_async(&never).await?;
        read += u64::from(content.first() == Some(&b'w'));
    }
    Ok(())
}

/// Its stream, of raw events: positions and content of each XLogData message.
async fn pg_walstream(port: u16, messages: u64) -> Result<(), Box<dyn Error>> {
    let config = ReplicationStreamConfig::builder("bench", "bench").with_existing_slot_required(true);
    let mut stream = LogicalReplicationStream::new(&target(port), config).await?;
    stream.start(None).await?;
    let never = CancellationToken::new();
    for _ in 0..messages {
        stream.next_raw_event(&never).await?;
    }
    Ok(())
}

fn target(port: u16) -> String {
    format!("host=127.0.0.1 port={port} user=bench dbname=bench replication=database sslmode=disable")
}

/// Its client: a task reads, and hands positions and content of each XLogData message over.
async fn pgwire_replication(port: u16, messages: u64) -> Result<(), Box<dyn Error>> {
    let config = ReplicationConfig::new("127.0.0.1", "bench", "", "bench", "bench", "bench");
    let mut client = ReplicationClient::connect(config.with_port(port)).await?;
    let mut read = 0;
    while read < messages {
        match client.recv().await? {
            Some(ReplicationEvent::XLogData { .. }) => read += 1,
            Some(_) => {}
            None => return Err("the stream has ended".into()),
        }
    }
    Ok(())
}
