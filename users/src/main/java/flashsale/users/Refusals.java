package flashsale.users;

import flashsale.platform.http.Problem;

/** What this role refuses, in one place, so that the same refusal is the same answer everywhere. */
final class Refusals {
  private Refusals() {}

  static Problem invalidEmail() {
    return Problem.unprocessable(
        "INVALID_EMAIL", "email must be an address like name@example.com, in ASCII.");
  }

  static Problem weakPassword() {
    return Problem.unprocessable(
        "WEAK_PASSWORD",
        "password must have "
            + Password.MIN_CHARS
            + " to "
            + Password.MAX_CHARS
            + " characters, none of them a control character, and not be the email.");
  }

  static Problem invalidDisplayName() {
    return Problem.unprocessable(
        "INVALID_DISPLAY_NAME",
        "displayName must have 1 to " + DisplayName.MAX_CHARS + " printable characters.");
  }

  static Problem emailTaken() {
    return Problem.conflict("EMAIL_TAKEN", "There is an account with this email.");
  }

  static Problem badCredentials() {
    return Problem.of(401, "BAD_CREDENTIALS", "Email or password is wrong.");
  }

  /** 403, because the caller's token is good: a 401 would make clients throw it away. */
  static Problem wrongOldPassword() {
    return Problem.of(403, "BAD_CREDENTIALS", "oldPassword is wrong.");
  }

  static Problem refreshTokenInvalid() {
    return Problem.of(
        401, "REFRESH_TOKEN_INVALID", "The refresh token is not valid any more; sign in again.");
  }
}
