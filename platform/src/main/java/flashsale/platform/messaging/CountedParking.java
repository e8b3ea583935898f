package flashsale.platform.messaging;

import flashsale.platform.messaging.Bus.Message;
import flashsale.platform.messaging.Bus.Parking;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Parks, counts what was parked, and tells whether it is kept. Thread-safe. */
record CountedParking(Parking parking, BusTraffic traffic) {
  private static final Logger LOG = LoggerFactory.getLogger(CountedParking.class);

  /** False when the place itself fails; the message is then the caller's to keep. */
  boolean park(String queue, Message message, Instant firstAttempt, Throwable reason) {
    try {
      parking.park(queue, message, firstAttempt, reason);
      traffic.of(queue).parked().increment();
      LOG.warn("queue {}: {} is parked: {}", queue, message.id(), reason.toString());
      return true;
    } catch (RuntimeException e) {
      LOG.warn("queue {}: {} cannot be parked: {}", queue, message.id(), e.toString());
      return false;
    }
  }
}
