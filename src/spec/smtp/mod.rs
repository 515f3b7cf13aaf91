//! SMTP: command lines, data, replies.
