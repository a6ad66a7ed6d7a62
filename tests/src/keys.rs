//! Key pairs that are the same in every run, so that addresses, bumps and compute units are too.

use solana_keypair::Keypair;

/// The key pair of a label.
pub fn keypair(label: &str) -> Keypair {
    // FNV-1a over the label, then a splitmix sequence: distinct labels give distinct seeds; secrecy is not wanted.
    let mut state = label
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut seed = [0; 32];
    for word in seed.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    Keypair::new_from_array(seed)
}
