package flashsale.contracts;

import java.util.Collection;
import java.util.Map;
import java.util.UUID;

/**
 * The catalogue's door: prices and windows, from memory while a sale is alive. Its step takes
 * StockAllocated.
 */
public interface Catalog extends Step {
  /** The quotes of those offers that exist, by offer id. */
  Map<UUID, Quote> quotes(Collection<UUID> offerIds);
}
