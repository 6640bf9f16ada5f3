-- A copy of a database for tests must not call banks with the company's own credentials.
UPDATE online_sync_link
   SET secrets = NULL, return_state = NULL, next_run = NULL, auto_sync = FALSE, wakes_us = FALSE,
       state = CASE WHEN state IN ('connected', 'expiring', 'expired', 'error') THEN 'disconnected' ELSE state END;
-- What a sign-in gave once is a secret too.
DELETE FROM online_sync_claim;
-- Nor tell other databases of what is changed in the copy.
DELETE FROM online_sync_listener;
DELETE FROM online_sync_word;
