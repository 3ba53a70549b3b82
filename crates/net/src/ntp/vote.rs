//! Several answers: what most of them agree on. One server that is wrong by hours does no harm then.

use super::SECOND;
use super::answer::Answer;

/// Answers that differ by less agree, whatever they claim to know: nobody here needs a better clock.
const SLACK: i128 = SECOND;

/// The most exact one of those that agree with more than half of `asked`.
pub(super) fn majority(answers: &[Answer], asked: usize) -> Option<Answer> {
    let supporters = |one: &Answer| answers.iter().filter(|other| agree(one, other)).count();
    let believed = answers.iter().filter(|answer| supporters(answer) * 2 > asked);
    believed.min_by_key(|answer| answer.distance).copied()
}

/// Whether both can be right.
fn agree(one: &Answer, other: &Answer) -> bool {
    let apart = (one.offset.0 - other.offset.0).abs();
    apart <= one.distance + other.distance + SLACK
}

#[cfg(test)]
mod tests {
    use super::super::Offset;
    use super::*;

    /// Offset and distance in seconds.
    fn answers(list: &[(i128, i128)]) -> Vec<Answer> {
        let answer =
            |&(offset, distance)| Answer { offset: Offset(offset * SECOND), distance: distance * SECOND };
        list.iter().map(answer).collect()
    }

    fn vote(list: &[(i128, i128)], asked: usize) -> Option<i128> {
        majority(&answers(list), asked).map(|answer| answer.offset.0 / SECOND)
    }

    #[test]
    fn one_alone_is_believed_if_it_is_the_only_one_asked() {
        assert_eq!(vote(&[(7, 0)], 1), Some(7));
        assert_eq!(vote(&[(7, 0)], 2), None);
        assert_eq!(vote(&[], 1), None);
    }

    #[test]
    fn a_liar_is_outvoted() {
        assert_eq!(vote(&[(-7200, 0), (5, 0), (5, 0)], 3), Some(5));
        assert_eq!(vote(&[(5, 0), (-7200, 0), (5, 0), (5, 0)], 4), Some(5));
    }

    #[test]
    fn without_a_majority_nobody_is_believed() {
        assert_eq!(vote(&[(5, 0), (-7200, 0)], 2), None);
        assert_eq!(vote(&[(5, 0), (5, 0), (-7200, 0), (-7200, 0)], 4), None);
    }

    #[test]
    fn the_most_exact_answer_counts() {
        assert_eq!(vote(&[(8, 3), (5, 0), (4, 2)], 3), Some(5));
    }

    #[test]
    fn who_admits_to_know_little_agrees_with_many() {
        assert_eq!(vote(&[(10, 8), (0, 0), (0, 0)], 3), Some(0));
    }
}
