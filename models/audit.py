"""Whether a company keeps an audit trail of its entries: the setting's name differs between 18.0 and 19.0."""


def is_audited(company):
    """Whether changes of the company's entries must be tracked, whatever it costs."""
    return any(name in company._fields and company[name] for name in ('check_account_audit_trail', 'restrictive_audit_trail'))
