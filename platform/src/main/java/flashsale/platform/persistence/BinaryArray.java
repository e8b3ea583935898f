package flashsale.platform.persistence;

import java.nio.ByteBuffer;
import org.postgresql.util.PGBinaryObject;
import org.postgresql.util.PGobject;

/**
 * An array parameter in PostgreSQL's binary format (its {@code array_recv}): dimensions, whether
 * there are NULLs, the type of the elements, their number, the first index; then each element after
 * its length. The driver sends arrays of UUIDs and times as text only, which costs both sides more
 * than the bytes do. For one thread.
 */
final class BinaryArray extends PGobject implements PGBinaryObject {
  private static final long serialVersionUID = 1;
  private static final int HEADER_BYTES = 5 * Integer.BYTES;
  private static final int HAS_NULLS_AT = Integer.BYTES;
  private static final int NULL = -1;

  private final transient ByteBuffer bytes;
  private final int size;
  private boolean present;

  /**
   * Empty, with room for its elements.
   *
   * @param type the array's, as the driver names it
   * @param elementOid the elements' type
   * @param size of each element, in bytes
   * @param length how many there will be
   */
  BinaryArray(String type, int elementOid, int size, int length) {
    setType(type);
    this.size = size;
    this.present = length == 0;
    this.bytes = ByteBuffer.allocate(HEADER_BYTES + length * (Integer.BYTES + size));
    bytes.putInt(1).putInt(0).putInt(elementOid).putInt(length).putInt(1);
  }

  /** Where the next element goes: exactly as many bytes as each has. */
  ByteBuffer next() {
    present = true;
    return bytes.putInt(size);
  }

  void addNull() {
    bytes.putInt(NULL).putInt(HAS_NULLS_AT, 1);
  }

  /** 0, which the driver sends as NULL, where there are elements and none has a value. */
  @Override
  public int lengthInBytes() {
    return present ? bytes.position() : 0;
  }

  @Override
  public void toBytes(byte[] target, int offset) {
    bytes.get(0, target, offset, bytes.position());
  }

  @Override
  public void setByteValue(byte[] value, int offset) {
    throw new UnsupportedOperationException("only sent, never read");
  }
}
