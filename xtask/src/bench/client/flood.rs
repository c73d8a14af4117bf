//! A publisher that sends as fast as the broker takes it.

use std::io::{BufReader, Read, Write};
use std::net::SocketAddr;

use anyhow::Result;

use crate::bench::wire;

/// What is published.
pub(super) struct Flood {
    pub(super) topic: String,
    pub(super) qos: u8,
    pub(super) size: usize,
    pub(super) count: u32,
}

/// Bytes of packets that are written at once.
const BATCH: usize = 64 << 10;

impl Flood {
    /// Publishes all of it, and waits for the acknowledgements.
    pub(super) fn run(&self, broker: SocketAddr) -> Result<()> {
        let name = format!("flood{}", std::process::id());
        let mut stream = wire::connect(broker, wire::V311, &name)?;
        let acks = if self.qos > 0 { self.count } else { 0 };
        let mut input = BufReader::new(stream.try_clone()?);
        let reader = std::thread::spawn(move || -> std::io::Result<()> {
            let mut ack = [0; 4];
            (0..acks).try_for_each(|_| input.read_exact(&mut ack))
        });
        let payload = vec![b'x'; self.size];
        let mut batch = Vec::with_capacity(BATCH + self.size + 64);
        for number in 0..self.count {
            let id = (self.qos > 0).then_some((number % 65_535) as u16 + 1);
            wire::publish(&mut batch, &self.topic, id, &payload);
            if batch.len() >= BATCH {
                stream.write_all(&batch)?;
                batch.clear();
            }
        }
        stream.write_all(&batch)?;
        if let Ok(read) = reader.join() {
            read?;
        }
        stream.write_all(&[0xe0, 0])?;
        Ok(())
    }
}
