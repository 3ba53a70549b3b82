//! In which order images and layers go when there is no room for them.

use crate::digest::Digest;
use std::collections::{BTreeSet, HashMap, HashSet};

/// An image as eviction sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The name of its file in `refs/`.
    pub(super) file: String,
    /// For the log.
    pub(super) reference: String,
    /// When it was used last, compared with others.
    pub(super) used: i64,
    pub(super) manifest: Digest,
    /// diffIDs; empty if that cannot be said any more.
    pub(super) layers: Vec<Digest>,
}

/// What is to be removed next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// The record of an image. Its layers follow.
    Image(&'a Known),
    Layer(&'a Digest),
}

/// Everything that may go, in order: layers that no image names, then image by image, least recently used first, each with the
/// layers that no later one needs. What is in `pinned` (manifests and diffIDs) stays.
pub(super) fn order<'a>(
    images: &'a mut [Known],
    layers: &'a [Digest],
    pinned: &HashSet<Digest>,
) -> Vec<Step<'a>> {
    images.sort_by_key(|image| image.used);
    let mut holders: HashMap<&Digest, usize> = layers.iter().map(|layer| (layer, 0)).collect();
    for layer in images.iter().flat_map(distinct) {
        holders.entry(layer).and_modify(|count| *count += 1);
    }
    let orphans = layers.iter().filter(|layer| holders[layer] == 0 && !pinned.contains(*layer));
    let mut steps: Vec<_> = orphans.map(Step::Layer).collect();
    for image in images.iter().filter(|image| !pinned.contains(&image.manifest)) {
        steps.push(Step::Image(image));
        for layer in distinct(image) {
            let Some(count) = holders.get_mut(layer) else { continue };
            *count -= 1;
            if *count == 0 && !pinned.contains(layer) {
                steps.push(Step::Layer(layer));
            }
        }
    }
    steps
}

/// An image can have the same layer twice.
fn distinct(image: &Known) -> BTreeSet<&Digest> {
    image.layers.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn digest(number: u8) -> Digest {
        Digest::of(Algorithm::Sha256, &[number])
    }

    fn known(number: u8, used: i64, layers: &[u8]) -> Known {
        Known {
            file: number.to_string(),
            reference: format!("image-{number}"),
            used,
            manifest: digest(100 + number),
            layers: layers.iter().copied().map(digest).collect(),
        }
    }

    #[test]
    fn a_shared_layer_goes_with_the_last_image_that_has_it() {
        let mut images = [known(1, 7, &[1, 2]), known(2, 3, &[1, 3])];
        let layers: Vec<_> = (0..4).map(digest).collect();
        let steps = order(&mut images, &layers, &HashSet::new());
        let names: Vec<_> = steps
            .iter()
            .map(|step| match step {
                Step::Image(image) => image.reference.clone(),
                Step::Layer(layer) => format!("layer-{}", layers.iter().position(|l| l == *layer).unwrap()),
            })
            .collect();
        assert_eq!(names[..4], ["layer-0", "image-2", "layer-3", "image-1"]);
        assert_eq!(
            BTreeSet::from_iter(&names[4..]),
            BTreeSet::from(["layer-1", "layer-2"].map(String::from).each_ref())
        );
    }

    fn images() -> impl Strategy<Value = Vec<Known>> {
        let image = (0i64..5, vec(0u8..8, 0..5));
        vec(image, 0..6).prop_map(|images| {
            (0..).zip(images).map(|(number, (used, layers))| known(number, used, &layers)).collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_pinned_or_still_named_stays(
            mut images in images(),
            stored in vec(0u8..8, 0..8),
            pinned in vec(0u8..8, 0..4),
            in_use in vec(0u8..6, 0..3),
        ) {
            let stored: Vec<Digest> = BTreeSet::from_iter(stored).into_iter().map(digest).collect();
            let pinned: HashSet<Digest> =
                pinned.into_iter().map(digest).chain(in_use.into_iter().map(|n| digest(100 + n))).collect();
            let mut left = images.clone();
            let mut removed = HashSet::new();
            let mut last_use = i64::MIN;
            for step in order(&mut images, &stored, &pinned) {
                match step {
                    Step::Image(image) => {
                        prop_assert!(!pinned.contains(&image.manifest));
                        prop_assert!(image.used >= last_use, "the least recently used first");
                        last_use = image.used;
                        left.retain(|other| other.file != image.file);
                    }
                    Step::Layer(layer) => {
                        prop_assert!(stored.contains(layer) && !pinned.contains(layer));
                        prop_assert!(!left.iter().any(|image| image.layers.contains(layer)), "an image needs it");
                        prop_assert!(removed.insert(layer.clone()), "removed twice");
                    }
                }
            }
            prop_assert!(left.iter().all(|image| pinned.contains(&image.manifest)));
            for layer in &stored {
                let needed = pinned.contains(layer) || left.iter().any(|image| image.layers.contains(layer));
                prop_assert!(needed != removed.contains(layer), "all that is not needed goes");
            }
        }
    }
}
