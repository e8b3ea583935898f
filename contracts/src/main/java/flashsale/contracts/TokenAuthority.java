package flashsale.contracts;

import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** The users' door: what another process needs to verify access tokens by itself. */
public interface TokenAuthority {
  /** The public keys that verify now, as a JSON Web Key Set (RFC 7517). */
  String jwks();

  /**
   * Sessions that were ended before their time since this instant, the latest first, at most {@code
   * max}.
   */
  List<UUID> endedSince(Instant since, int max);
}
