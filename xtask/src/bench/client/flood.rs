//! A publisher that sends as fast as the broker takes it: MQTT 3.1.1 in its
//! simplest form, written from scratch so that it costs next to nothing.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};

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
        let mut stream = TcpStream::connect(broker)?;
        stream.set_nodelay(true)?;
        let name = format!("flood{}", std::process::id());
        let mut connect = vec![0x10, 12 + name.len() as u8, 0, 4];
        connect.extend(b"MQTT\x04\x02\x00\x00");
        connect.extend([0, name.len() as u8]);
        connect.extend(name.as_bytes());
        stream.write_all(&connect)?;
        let mut connack = [0; 4];
        stream.read_exact(&mut connack)?;
        ensure!(connack[3] == 0, "the broker refuses the publisher");

        let acks = if self.qos > 0 { self.count } else { 0 };
        let mut input = BufReader::new(stream.try_clone()?);
        let reader = std::thread::spawn(move || -> std::io::Result<()> {
            let mut ack = [0; 4];
            (0..acks).try_for_each(|_| input.read_exact(&mut ack))
        });
        let mut batch = Vec::with_capacity(BATCH + self.size + 64);
        for number in 0..self.count {
            self.encode(number, &mut batch);
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

    fn encode(&self, number: u32, out: &mut Vec<u8>) {
        let id_len = if self.qos > 0 { 2 } else { 0 };
        let mut rest = 2 + self.topic.len() + id_len + self.size;
        out.push(0x30 | self.qos << 1);
        while rest >= 128 {
            out.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        out.push(rest as u8);
        out.extend((self.topic.len() as u16).to_be_bytes());
        out.extend(self.topic.as_bytes());
        if self.qos > 0 {
            out.extend(((number % 65_535) as u16 + 1).to_be_bytes());
        }
        out.resize(out.len() + self.size, b'x');
    }
}
