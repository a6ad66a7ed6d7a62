//! Calls whose data somebody has cut, lengthened, flipped or invented.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solana_instruction::error::InstructionError;
use solana_transaction_error::TransactionError;
use taper_harness::HarnessError;
use taper_model::op::Op;
use taper_model::run::Session;

use super::mirror::{adapted, Call, Mirror};
use taper_model::generate::Generator;

/// A source of garbage.
pub struct Garbage {
    random: ChaCha8Rng,
    generator: Generator,
}

impl Garbage {
    pub fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), generator: Generator::new(seed ^ 0x6A) }
    }

    /// Sends one. What the program refuses has a name, and has changed nothing: that is checked by the chain. What it takes all the same
    /// was a call that somebody could have made: every audit holds, and it is undone. Returns the name of the refusal.
    ///
    /// # Errors
    /// What the harness found; a call that did not end in a refusal or a success.
    pub async fn send(&mut self, mirror: &mut Mirror, session: &Session) -> Result<String, HarnessError> {
        let (mut instructions, signers) = loop {
            let Some(op) = adapted(self.generator.next(session)) else { continue };
            if matches!(op, Op::Relist { .. }) {
                continue;
            }
            if let Call::Send(instructions, signers) = mirror.call(session, &op) {
                break (instructions, signers);
            }
        };
        for instruction in &mut instructions {
            self.spoil(&mut instruction.data);
        }
        let before = mirror.chain.snapshot();
        match mirror.send(&instructions, &signers).await? {
            Ok(()) => {
                mirror.chain.audit()?;
                mirror.chain.restore(&before);
                Ok("taken".to_owned())
            }
            Err(refusal) => {
                let ended = match &refusal.error {
                    TransactionError::InstructionError(_, error) => {
                        !matches!(error, InstructionError::ProgramFailedToComplete)
                    }
                    _ => false,
                };
                assert!(ended, "{:?}: {:#?}, data {:?}", refusal.error, refusal.logs, instructions[0].data);
                Ok(refusal.name())
            }
        }
    }

    fn spoil(&mut self, data: &mut Vec<u8>) {
        let random = &mut self.random;
        match random.gen_range(0..6) {
            0 => data.truncate(random.gen_range(0..data.len())),
            1 => data.extend((0..random.gen_range(1..40)).map(|_| random.gen::<u8>())),
            2 => {
                for _ in 0..random.gen_range(1..4) {
                    let at = random.gen_range(0..data.len());
                    data[at] ^= 1 << random.gen_range(0..8);
                }
            }
            // The arguments anew, the instruction as it was.
            3 | 4 => data.iter_mut().skip(8).for_each(|byte| *byte = random.gen()),
            _ => *data = (0..random.gen_range(0..64)).map(|_| random.gen()).collect(),
        }
    }
}
