package flashsale.catalog;

import java.util.UUID;

/**
 * What the catalogue describes: the row and its JSON.
 *
 * @param imageUrl null where there is none
 */
record Product(UUID productId, String name, String description, String imageUrl) {}
