//! `direct_framework_shuffle`: Flink itself, or Netty and Pekko as Flink ships them, takes direct memory outside the network pool, more than
//! framework off-heap memory allows: pools of Netty, reads of blocking shuffles, RPC.

use super::direct::{DirectPicture, Leaning, Mechanism};
use super::{Answer, direct_undersized};
use crate::finding::{ConsumerKind, Label};

/// What Flink reads blocking results through; it has an option of its own.
const BATCH_READS: &str = "BatchShuffleReadBufferPool";

pub(super) fn check(picture: &DirectPicture<'_>) -> Answer {
    let Leaning::Undersized(odds) = picture.leaning else {
        return Answer::DoesNotFire("Flink's own direct memory has room".to_owned());
    };
    if picture.mechanism != Mechanism::Framework {
        let reason = "what filled the pool is not Flink's own";
        return Answer::DoesNotFire(reason.to_owned());
    }
    let mut finding = direct_undersized::finding(picture, odds);
    finding.label = Label::DirectFrameworkShuffle;
    let component = finding.consumer.kind != ConsumerKind::Unknown;
    let name = finding.consumer.name.as_deref().unwrap_or_default();
    if component && name.contains(BATCH_READS) {
        let text = " Batch reads take taskmanager.memory.framework.off-heap.batch-shuffle.size of it, all at once; framework off-heap memory must hold that and Netty.";
        finding.remedy.text.push_str(text);
    }
    Answer::Fires(Box::new(finding))
}
