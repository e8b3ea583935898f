package flashsale.contracts;

import java.util.UUID;

/** The ledger's figures of one offer, in units: {@code allocated = available + held + sold}. */
public record Stock(
    UUID offerId,
    UUID saleId,
    int allocated,
    int available,
    int held,
    int sold,
    int limitPerCustomer,
    long revision) {}
