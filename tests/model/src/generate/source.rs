//! Where the generator's choices come from: a seed, or the bytes of a fuzzer.

use rand::{Error, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Choices. When the bytes are used up a fixed seed follows, so that whatever is drawn comes to an end.
pub(super) struct Source {
    bytes: Vec<u8>,
    used: usize,
    after: ChaCha8Rng,
}

impl Source {
    pub fn seeded(seed: u64) -> Self {
        Self { bytes: Vec::new(), used: 0, after: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), ..Self::seeded(0) }
    }

    pub fn is_used_up(&self) -> bool {
        self.used >= self.bytes.len()
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.bytes.get(self.used..)?.first_chunk::<N>().copied();
        self.used = if taken.is_some() { self.used + N } else { self.bytes.len() };
        taken
    }
}

impl RngCore for Source {
    fn next_u32(&mut self) -> u32 {
        self.take().map_or_else(|| self.after.next_u32(), u32::from_le_bytes)
    }

    fn next_u64(&mut self) -> u64 {
        self.take().map_or_else(|| self.after.next_u64(), u64::from_le_bytes)
    }

    fn fill_bytes(&mut self, into: &mut [u8]) {
        for byte in into {
            *byte = self.next_u32().to_le_bytes()[0];
        }
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(into);
        Ok(())
    }
}
