//! Memory-hard hashing of a text: every round digests blocks spread over the whole buffer, as balloon hashing does.

use sha2::{Digest, Sha256};

use super::Refusal;

const BLOCK_BYTES: usize = 32;
/// Blocks that a round rewrites for each MiB of memory.
const BLOCKS_PER_MIB: usize = 64;
const MIB: usize = 1024 * 1024;

/// The digest after `rounds` over `memory_mib` of memory, as hex.
pub(super) fn hash(text: &str, rounds: u64, memory_mib: u64) -> Result<String, Refusal> {
    let mut buffer = allocate(memory_mib)?;
    let mut state: [u8; BLOCK_BYTES] = Sha256::digest(text.as_bytes()).into();
    fill(&mut buffer, state);
    let blocks = buffer.len() / BLOCK_BYTES;
    let steps = BLOCKS_PER_MIB * (buffer.len() / MIB);
    for round in 0..rounds {
        for _ in 0..steps {
            let index = u64::from_le_bytes(state[..8].try_into().expect("8 of 32 bytes")) as usize % blocks;
            let block = &mut buffer[index * BLOCK_BYTES..][..BLOCK_BYTES];
            let digest = Sha256::new()
                .chain_update(round.to_le_bytes())
                .chain_update(state)
                .chain_update(&*block);
            state = digest.finalize().into();
            block.copy_from_slice(&state);
        }
    }
    Ok(hex::encode(state))
}

/// Touches all of the memory, so that it is resident and not only promised.
fn fill(buffer: &mut [u8], seed: [u8; BLOCK_BYTES]) {
    for (index, block) in buffer.chunks_exact_mut(BLOCK_BYTES).enumerate() {
        block.copy_from_slice(&seed);
        block[..8].copy_from_slice(&(index as u64).to_le_bytes());
    }
}

fn allocate(memory_mib: u64) -> Result<Vec<u8>, Refusal> {
    let refuse = || {
        Refusal::new(
            "memory_limit",
            format!("{memory_mib} MiB are more than this tool may have"),
        )
    };
    let bytes = usize::try_from(memory_mib.max(1))
        .ok()
        .and_then(|mib| mib.checked_mul(MIB))
        .ok_or_else(refuse)?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(bytes).map_err(|_| refuse())?;
    buffer.resize(bytes, 0);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_text_and_memory_all_count() {
        let base = hash("tide", 1, 1).expect("hashes");
        assert_eq!(base.len(), 64);
        assert_eq!(hash("tide", 1, 1).as_ref(), Ok(&base));
        for other in [hash("tides", 1, 1), hash("tide", 2, 1), hash("tide", 1, 2)] {
            assert_ne!(other.as_ref(), Ok(&base));
        }
    }

    #[test]
    fn more_memory_than_there_is_address_space_is_refused() {
        assert_eq!(
            hash("tide", 1, u64::MAX).expect_err("too much").error_type,
            "memory_limit"
        );
    }
}
