package flashsale.users;

import java.util.UUID;

/** An account as its owner sees it; {@code displayName} is null where none was given. */
public record User(UUID userId, String email, String displayName, boolean operator) {}
