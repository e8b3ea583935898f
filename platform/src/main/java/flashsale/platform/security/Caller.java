package flashsale.platform.security;

import java.util.UUID;

/** Who sent a request, as the verified access token tells. */
public record Caller(UUID userId, boolean operator) {}
