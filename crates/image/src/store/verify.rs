//! A full check of what is stored, for after an accident.

use super::Store;
use super::error::StoreError;
use crate::digest::Digest;

impl Store {
    /// Reads every layer, and removes those that are not any more what was unpacked, so that the next pull fetches them, and only
    /// them. Gives their diffIDs. Takes as long as reading the whole store does, and no container may be running. Manifests and
    /// configurations are checked whenever they are read. A store in memory has nothing to check.
    pub fn verify(&self) -> Result<Vec<Digest>, StoreError> {
        if !self.is_on_disk() {
            return Ok(Vec::new());
        }
        let mut rotten = Vec::new();
        for (diff_id, _) in self.layers()? {
            if !self.is_sound(&diff_id) {
                log::warn!("The layer {diff_id} of the image store is damaged, and removed");
                self.remove_layer(&diff_id)?;
                rotten.push(diff_id);
            }
        }
        Ok(rotten)
    }
}
