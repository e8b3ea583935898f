package flashsale.inventory;

import java.util.UUID;

/** What a limit counts against: one customer's units of one offer. */
record Allotment(UUID offerId, UUID customerId) {}
