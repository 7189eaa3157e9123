"""Evidence: what is known of one container, alert or day, in one file that anybody can check without Hygeia."""
