package flashsale.checkout;

import flashsale.checkout.Flow.Next;
import flashsale.contracts.Fact;
import flashsale.contracts.Step;
import flashsale.platform.batching.Coalescer;
import flashsale.platform.metrics.Meters;
import java.util.List;
import java.util.Locale;

/** A role's step, of which the size, the time and the failures of each batch are measured. */
record MeasuredStep(Step step, Coalescer.Observer batches) implements Step {
  static MeasuredStep of(Next next, Step step, Meters meters) {
    return new MeasuredStep(step, meters.batches(next.name().toLowerCase(Locale.ROOT)));
  }

  @Override
  public List<Fact> apply(List<Fact> facts) {
    long from = System.nanoTime();
    boolean failed = true;
    try {
      var answers = step.apply(facts);
      failed = false;
      return answers;
    } finally {
      batches.batchDone(facts.size(), System.nanoTime() - from, failed);
    }
  }
}
