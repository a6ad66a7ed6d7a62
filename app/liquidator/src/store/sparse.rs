//! Account bytes without their zeroes, lossless: most of a margin account is empty positions and room for later fields, and a million
//! of them must fit in a gigabyte.

/// The words of an account that are not zero, behind a mask of which they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparseWords(Box<[u64]>);

const WORD_BITS: usize = 64;

impl SparseWords {
    /// Packs bytes. A length that is no multiple of eight is filled up with zeroes.
    pub fn pack(bytes: &[u8]) -> Self {
        let words = bytes.chunks(8).map(word_of);
        let mask_len = bytes.len().div_ceil(8).div_ceil(WORD_BITS);
        let mut mask = vec![0u64; mask_len];
        let mut packed = Vec::new();
        for (place, word) in words.enumerate().filter(|(_, word)| *word != 0) {
            mask[place / WORD_BITS] |= 1 << (place % WORD_BITS);
            packed.push(word);
        }
        let mut all = Vec::with_capacity(mask_len + packed.len());
        all.extend_from_slice(&mask);
        all.extend_from_slice(&packed);
        Self(all.into_boxed_slice())
    }

    /// The bytes again, aligned to eight; `len` is their number.
    pub fn unpack(&self, len: usize) -> Vec<u64> {
        let word_count = len.div_ceil(8);
        let (mask, packed) = self.0.split_at(word_count.div_ceil(WORD_BITS).min(self.0.len()));
        let mut words = vec![0u64; word_count];
        let mut next = packed.iter();
        for (place, word) in words.iter_mut().enumerate() {
            if mask.get(place / WORD_BITS).is_some_and(|bits| bits >> (place % WORD_BITS) & 1 == 1) {
                *word = next.next().copied().unwrap_or(0);
            }
        }
        words
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.0.len() * 8
    }
}

/// In memory order, so that the words can be looked at as bytes again.
fn word_of(chunk: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..chunk.len()].copy_from_slice(chunk);
    u64::from_ne_bytes(bytes)
}

/// Bytes as words, aligned to eight.
pub fn words_of(bytes: &[u8]) -> Box<[u64]> {
    bytes.chunks(8).map(word_of).collect()
}

/// The first `len` bytes of words.
pub fn bytes_of(words: &[u64], len: usize) -> &[u8] {
    let bytes: &[u8] = bytemuck::cast_slice(words);
    &bytes[..len.min(bytes.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    #[test]
    fn what_is_packed_comes_back_byte_for_byte() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        for len in (0..300).chain([752, 4_096, 114_768]) {
            let bytes: Vec<u8> = (0..len).map(|_| if random.gen_bool(0.1) { random.gen() } else { 0 }).collect();
            let packed = SparseWords::pack(&bytes);
            assert_eq!(bytes_of(&packed.unpack(len), len), bytes, "{len}");
            assert_eq!(bytes_of(&words_of(&bytes), len), bytes, "{len}");
        }
    }

    #[test]
    fn zeroes_cost_only_the_mask() {
        assert_eq!(SparseWords::pack(&[0; 752]).heap_bytes(), 16);
        let mut one = [0; 752];
        one[700] = 3;
        assert_eq!(SparseWords::pack(&one).heap_bytes(), 24);
    }
}
