//! Sends notifications: templates, one module per kind of receiver, HTTP and SMTP.
